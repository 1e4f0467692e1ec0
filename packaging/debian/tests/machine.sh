# What the tests share: an account, an sshd that listens on two ports, questions to both.
# Sourced; ends what it started, and says what failed.
set -eu

work=$(mktemp -d)
user=sandlock-guest
trap 'end' EXIT

end() {
	[ ! -e "$work/sshd.pid" ] || kill "$(cat "$work/sshd.pid")"
	rm -rf "$work"
}

say() {
	printf '%s\n' "$*"
}

fail() {
	say "FAILED: $*"
	exit 1
}

# Each takes a description and a command, which must succeed or fail.
works() {
	what=$1
	shift
	"$@" >"$work/out" 2>&1 || { cat "$work/out"; fail "$what"; }
	say "ok: $what"
}

refused() {
	what=$1
	shift
	! "$@" >"$work/out" 2>&1 || { cat "$work/out"; fail "$what is not refused"; }
	say "ok: $what is refused"
}

# What the last command wrote has a line of this pattern.
said() { # description, pattern
	grep -q "$2" "$work/out" || { cat "$work/out"; fail "$1"; }
	say "ok: $1"
}

# The listener behind port 2223 is the one that no policy names.
machine_start() {
	ssh-keygen -q -t ed25519 -N '' -f "$work/key"
	getent passwd "$user" >/dev/null || useradd -m -s /bin/bash -p '*' "$user"
	install -d -o "$user" -m 0700 "/home/$user/.ssh"
	install -o "$user" -m 0600 "$work/key.pub" "/home/$user/.ssh/authorized_keys"
	cat >"$work/sshd_config" <<-END
		Port 2222
		Port 2223
		ListenAddress 127.0.0.1
		HostKey $work/key
		PidFile $work/sshd.pid
		UsePAM yes
		Subsystem sftp internal-sftp
	END
	install -d /run/sshd
	/usr/sbin/sshd -f "$work/sshd_config"
	works 'sshd listens' sh -c "for i in 1 2 3 4 5 6 7 8 9; do
		[ -e $work/sshd.pid ] && exit; sleep 0.3; done; exit 1"
}

guest() {
	ssh -F none -i "$work/key" -p 2222 -o StrictHostKeyChecking=no -o BatchMode=yes \
		-o UserKnownHostsFile=/dev/null -o LogLevel="${level:-ERROR}" "$user@127.0.0.1" "$@" </dev/null
}

# With what sshd says before the session.
guest_told() {
	level=INFO guest "$@"
}

# Reads the banner of a port, from within a shell, or by a forward of sshd's own.
banner() {
	printf 'read -r line </dev/tcp/127.0.0.1/%s && echo "$line"' "$1"
}
forward() {
	guest -W "127.0.0.1:$1" | grep -q ^SSH-
}
