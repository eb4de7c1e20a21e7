import os

for folder in ("/tmp", "/dev/shm"):
    os.makedirs(f"{folder}/many")
    for number in range(3_000_000):
        os.close(os.open(f"{folder}/many/{number}", os.O_CREAT | os.O_WRONLY))
