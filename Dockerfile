# The grader for a machine that has Docker and none of the tools. autograder/box/README.md, "In a container", has the
# command and says why it needs its three options.
FROM python:3.12-slim

# First what changes rarely: the packages. PyTorch's build for CPUs comes from its own index, all else from the usual one.
WORKDIR /course
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['dependencies'], *p['optional-dependencies']['grading'], sep='\n')" > /tmp/needed.txt \
 && grep '^torch' /tmp/needed.txt > /tmp/torch.txt \
 && pip install --no-cache-dir --retries 1 -c constraints.txt -r /tmp/torch.txt --extra-index-url https://download.pytorch.org/whl/cpu \
 && pip install --no-cache-dir -c constraints.txt -r /tmp/needed.txt setuptools
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e .

# An ordinary user, also where nobody says --user: root in a container could write to the host's /proc/sys.
RUN install -d -m 1777 /course/grading
ENV HOME=/tmp
USER 1000:1000
ENTRYPOINT ["autograder"]
CMD ["--help"]
