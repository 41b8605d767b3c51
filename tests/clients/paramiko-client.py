"""What programs do with paramiko: a command, a file over sftp, a terminal. Used by automation.sh."""
import sys

import paramiko

client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect("127.0.0.1", 2222, sys.argv[1], key_filename="/root/.ssh/id_ed25519", allow_agent=False)
_, out, err = client.exec_command("echo paramiko; echo to-err >&2; exit 5")
words = [f"out={out.read().decode().strip()}", f"err={err.read().decode().strip()}"]
words.append(f"status={out.channel.recv_exit_status()}")
sftp = client.open_sftp()
with sftp.open("by-paramiko", "w") as file:
    file.write("data")
with sftp.open("by-paramiko") as file:
    words.append(f"sftp={file.read().decode()}")
_, out, _ = client.exec_command("test -t 0 && echo yes", get_pty=True)
words.append(f"tty={out.read().decode().strip()}")
client.close()
print(*words)
