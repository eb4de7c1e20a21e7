import os

os._exit(0)  # "restart the runtime to free the memory"
