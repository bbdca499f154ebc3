import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

// Asks the Target's server, which says when this is answered: once it ends the connection. The Target cannot be used then. Its own end of the
// connection closes with this process, so that the server knows when it is over.
const { live } = JSON.parse(await text(process.stdin));
const socket = connect({ host: live.address.host, port: live.address.port, allowHalfOpen: true });
socket.write('asked');
socket.resume().once('end', () => {
  const message = `Not with ${live.credential.password}.`;
  const answer = JSON.stringify({ kind: 'Fault', code: 'CatalogUnavailable', message });
  process.stdout.write(answer, () => process.exit());
});
