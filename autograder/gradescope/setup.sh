#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image of the autograder: Python 3.11 or later, and the packages.
set -euo pipefail
cd "$(dirname "$0")"
umask 022
export DEBIAN_FRONTEND=noninteractive

# The first Python that is new enough, no pre-release (Ubuntu 22.04 has one of 3.11), and can make environments.
usable() {
  for python in python3 python3.14 python3.13 python3.12 python3.11; do
    "$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11, 0, "final"))' 2>/dev/null && return
  done
  return 1
}
if ! usable; then
  apt-get update
  apt-get install -y --no-install-recommends ca-certificates python3 python3-venv
fi
if ! usable; then  # Ubuntu 22.04 and older: the archive of newer Pythons that Ubuntu's users keep
  apt-get install -y --no-install-recommends software-properties-common gnupg &&
    add-apt-repository -y ppa:deadsnakes/ppa &&
    apt-get install -y --no-install-recommends python3.12 python3.12-venv || true
fi
usable || { echo "setup.sh: no Python 3.11 or later can be had here. Choose Ubuntu 24.04 as base image."; exit 1; }
"$python" --version

# In a place of its own, because student code may read it. PyTorch's build for CPUs, because it needs a third of the disk;
# only that is taken from PyTorch's own index.
"$python" -m venv /opt/autograder
install() {
  /opt/autograder/bin/python -m pip install --no-cache-dir --disable-pip-version-check --progress-bar off \
    -c constraints.txt "$@"
}
if grep '^torch' requirements.txt > torch.txt; then
  install --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu -r torch.txt
fi
install -r requirements.txt
