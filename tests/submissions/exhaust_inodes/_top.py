import os
import time

end, count = time.monotonic() + 60, 0
try:
    for folder in ("/tmp", "/dev/shm"):
        os.makedirs(f"{folder}/many")
        os.chdir(f"{folder}/many")
        for number in range(3_000_000):
            os.close(os.open(f"{number}", os.O_CREAT | os.O_WRONLY))
            count += 1
            if time.monotonic() > end:
                raise TimeoutError("a minute is over")
except OSError as error:
    print(f"stopped after {count} files: {error}")
else:
    print(f"never stopped: {count} files")
