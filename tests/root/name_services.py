# SPDX-License-Identifier: BSD-3-Clause
"""Directory services of our own, of probes/nss_*.c, for the machine's glibc to load."""
import shutil
import subprocess
from pathlib import Path

from stage import STAGE, probe_program

SWITCH = Path("/etc/nsswitch.conf")


def service_put(library, name):
    """The library of a service, new: what a process has loaded stays as it is."""
    target = library / f"libnss_{name}.so.2"
    if target.is_dir() and not target.is_symlink():
        target.rmdir()
    target.unlink(missing_ok=True)
    shutil.copy(probe_program(target.name), target)
    return target


def services_put(test, *names):
    """These are found while the test runs, which may change nsswitch.conf; their directory."""
    library = STAGE.directory / "services"
    library.mkdir(exist_ok=True)
    for name in names:
        service_put(library, name)
    place = Path("/etc/ld.so.conf.d/services.conf")
    place.write_text(f"{library}\n")
    test.addCleanup(subprocess.run, ["ldconfig"], check=True)
    test.addCleanup(place.unlink)
    subprocess.run(["ldconfig"], check=True)
    test.addCleanup(SWITCH.write_text, SWITCH.read_text())
    return library
