# The Ansible example is played by a test.
DEPS_TEST += ansible-core
