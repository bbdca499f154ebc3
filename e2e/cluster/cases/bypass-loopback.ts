import type { Attempt, Bypass } from '../bypass/attempt.ts';
import { type Ground, VICTIM } from '../bypass/ground.ts';
import { type Outcome, outcomeOf } from '../bypass/outcome.ts';

/**
 * Lists everything in the pod's network that listens, and asks each TCP listener and each socket for what an administrator's port answers. `serve`: has
 * such a port itself.
 */
const SCAN = `
import glob, http.server, socket, struct, sys, threading
if sys.argv[1:] == ["serve"]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
def address(text, four):
    host, port = text.split(":")
    raw = b"".join(struct.pack("<I", int(host[i:i + 8], 16)) for i in range(0, len(host), 8))
    return socket.inet_ntop(socket.AF_INET if four else socket.AF_INET6, raw), int(port, 16)
seen, open_ones = [], []
for name, states in (("tcp", ["0A"]), ("tcp6", ["0A"]), ("udp", ["07"]), ("udp6", ["07"])):
    for line in open("/proc/net/" + name).read().splitlines()[1:]:
        fields = line.split()
        if fields[3] in states: seen.append((name,) + address(fields[1], not name.endswith("6")))
def asks(family, where):
    for path in ("/", "/metrics", "/healthz", "/debug/pprof/", "/json/version"):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as s:
                s.settimeout(10)
                s.connect(where)
                s.sendall(("GET %s HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n" % path).encode())
                # Who waits for more of another protocol hears that there is none.
                s.shutdown(socket.SHUT_WR)
                if s.recv(16).startswith(b"HTTP/"): open_ones.append("%s answers %s" % (where, path))
        except OSError:
            pass
for name, host, port in seen:
    if name.startswith("tcp"): asks(socket.AF_INET if name == "tcp" else socket.AF_INET6, (host, port))
    if not (host == "127.0.0.1" and port == 53) and not (name == "tcp" and host.startswith("127.64.")):
        open_ones.append("%s %s:%d is neither a door nor the name server" % (name, host, port))
for line in open("/proc/net/unix").read().splitlines()[1:]:
    path = line.split()[7:]
    if path: asks(socket.AF_UNIX, path[0].replace("@", "\\0", 1) if path[0].startswith("@") else path[0])
print("found: " + "; ".join(open_ones) if open_ones else "nothing but %s" % ", ".join("%s %s:%d" % one for one in seen))
`;

async function scan(ground: Ground, ...parameters: readonly string[]): Promise<Outcome> {
  const ended = await ground.inAgent(['python3', '-c', SCAN, ...parameters], VICTIM);
  return outcomeOf(ended, ended.stdout.startsWith('found:'));
}

/** Binds one address as stubbornly as it can be done. */
const BIND = `
import socket, sys
kind, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind((host, port))
if kind == "tcp": s.listen()
print("has", kind, host, s.getsockname()[1])
`;

async function bind(ground: Ground, kind: string, host: string, port: number): Promise<Outcome> {
  return outcomeOf(await ground.inAgent(['python3', '-c', BIND, kind, host, String(port)]));
}

const binding = (kind: 'tcp' | 'udp', host: string, port: number): Attempt => ({
  what: `${kind} ${host}:${port}`,
  refusal: /Address already in use/,
  run: (ground) => bind(ground, kind, host, port),
  armed: (ground) => bind(ground, kind, host, 0),
});

/** The network of a pod. */
export const LOOPBACK_BYPASSES: readonly Bypass[] = [
  {
    name: 'admin-port',
    what: 'a port of the gate’s own',
    refusedBy: 'the gate, which has none: doors and the name server are all that listens',
    armedWith: 'a port that the agent opens itself',
    attempts: [
      {
        what: 'a look at everything that listens, asked over HTTP',
        refusal: /nothing but .*tcp 127.64/,
        run: (ground) => scan(ground),
        armed: (ground) => scan(ground, 'serve'),
      },
    ],
  },
  {
    name: 'taken-port',
    what: 'the address of a door or of the name server, as root and with every option for sharing',
    refusedBy: 'the gate, which has it already',
    armedWith: 'a port that nobody has',
    attempts: [
      binding('tcp', '0.0.0.0', 5432),
      binding('tcp', '127.0.0.1', 53),
      binding('tcp', '0.0.0.0', 53),
      binding('udp', '127.0.0.1', 53),
      binding('udp', '0.0.0.0', 53),
    ],
  },
];
