/** What HAProxy is started with: it passes one port on to another of this machine, in TCP mode, on one thread. */
export function haproxyFile(name: string, port: number, serverPort: number): string {
  return `global
  maxconn 4000
  nbthread 1
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen ${name}
  bind 127.0.0.1:${port}
  server ${name} 127.0.0.1:${serverPort}
`;
}
