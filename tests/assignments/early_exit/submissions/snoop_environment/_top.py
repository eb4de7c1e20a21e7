import glob
import os

secrets = [f"{name}={value}" for name, value in os.environ.items() if "CANARY" in name + value]
environments = 0
for file in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/task/*/environ"):
    try:
        text = open(file, "rb").read().decode(errors="replace")
    except OSError:
        continue
    environments += 1
    secrets += [line for line in text.split("\0") if any(word in line for word in ("CANARY", "TOKEN", "SECRET", "KEY="))]
print(f"{len(secrets)} secrets in {'some' if environments else 'no'} environments", *secrets)
