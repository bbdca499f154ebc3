// Says that it is ready, unless it was told to listen nowhere, and stays until it is told to end.
const { argv } = process;
const after = (flag: string): string => argv[argv.indexOf(flag) + 1] ?? '';
const listen = after('--listen').replace(/:0$/, ':41000');
process.stdout.write(
  `${JSON.stringify({ kind: 'Ready', ingest: `http://${listen}`, ownerSocket: after('--owner-socket') })}\n`,
);
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
