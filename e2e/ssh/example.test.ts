import { checkExample } from '../example-check.ts';

checkExample(
  'ssh',
  [
    ['cat customers.csv', 'Allow'],
    ['rm -rf build', 'no-removal'],
    ["sh -c 'rm -rf build'", 'no-removal'],
    ['echo key >> ~/.ssh/authorized_keys', 'keys-stay'],
    ['eval "$(cat todo)"', 'ShellCode'],
    ['systemctl restart app', 'somebody-looks'],
    ['db.internal:5432', 'Deny by forward', '--forward'],
  ],
  600_000,
);
