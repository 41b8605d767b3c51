"""Sends a signal over the channel (RFC 4254, 6.9) and prints how the command ended. Used by signals.sh."""
import sys

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST, cMSG_CHANNEL_REQUEST

told = []
handle = paramiko.Channel._handle_request


def watch(channel, message):
    at = message.packet.tell()
    if message.get_text() == "exit-signal":
        message.get_boolean()
        told.append(message.get_text())
    message.packet.seek(at)
    return handle(channel, message)


paramiko.Transport._channel_handler_table[MSG_CHANNEL_REQUEST] = watch
user, name, command = sys.argv[1:]
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect("127.0.0.1", 2222, user, key_filename="/root/.ssh/id_ed25519", allow_agent=False)
_, out, _ = client.exec_command(command)
assert out.readline() == "ready\n"
message = paramiko.Message()
message.add_byte(cMSG_CHANNEL_REQUEST)
message.add_int(out.channel.remote_chanid)
message.add_string("signal")
message.add_boolean(False)
message.add_string(name)
client.get_transport()._send_user_message(message)
words = out.read().decode().split()
status = out.channel.recv_exit_status()
print(*words, *(told or [status]))
