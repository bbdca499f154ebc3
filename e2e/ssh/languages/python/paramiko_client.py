"""paramiko: execs, many channels of one connection, a refused forward; with FILES, a file there and back over SFTP."""

import json
import os

import paramiko

host, port = os.environ["SSH_ADDRESS"].rsplit(":", 1)
client = paramiko.SSHClient()
client.load_host_keys(os.environ["SSH_KNOWN_HOSTS"])
client.set_missing_host_key_policy(paramiko.RejectPolicy())
client.connect(
    host,
    port=int(port),
    username="agent",
    password=os.environ["SSH_TOKEN"],
    look_for_keys=False,
    allow_agent=False,
)


def run(command):
    _stdin, stdout, stderr = client.exec_command(command, timeout=60)
    out, err = stdout.read().decode(), stderr.read().decode()
    return {"stdout": out, "stderr": err, "code": stdout.channel.recv_exit_status()}


def refused():
    try:
        client.get_transport().open_channel("direct-tcpip", ("127.0.0.1", 1), ("127.0.0.1", 2), timeout=60)
    except paramiko.ChannelException as error:
        return error.code == 1
    return False


if "FILES" in os.environ:
    here, there, back = os.environ["FILES"].split(" ")
    sftp = client.open_sftp()
    sftp.put(here, there)
    sftp.get(there, back)
    print(json.dumps({"names": there.rsplit("/", 1)[1] in sftp.listdir(there.rsplit("/", 1)[0])}))
else:
    seen = {
        "allowed": run("echo hi"),
        "failed": run("cat /nothing"),
        "masked": run("cat " + os.environ["SSH_CUSTOMERS"]),
        "denied": run("rm -f /nothing"),
    }
    channels = [client.exec_command(f"echo {number}", timeout=60)[1] for number in range(10)]
    seen["many"] = [channel.read().decode() for channel in channels]
    seen["isForwardRefused"] = refused()
    seen["after"] = run("echo hi")
    print(json.dumps(seen))
client.close()
