// A real SMTP server for the tests. Settings come as one JSON argument; every line on standard output is one JSON event:
// {"port":n} once it listens, then {"from","to":[...],"user","secure","raw"} for each message (raw is base64).
'use strict';
const { SMTPServer } = require('smtp-server');

const settings = JSON.parse(process.argv[2] || '{}');
const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');
const refuse = (code) => Object.assign(new Error('refused on purpose'), { responseCode: code });

const server = new SMTPServer({
  logger: false,
  disableReverseLookup: true,
  authOptional: !settings.user,
  allowInsecureAuth: false,
  disabledCommands: settings.key ? (settings.user ? [] : ['AUTH']) : ['STARTTLS', 'AUTH'],
  key: settings.key,
  cert: settings.cert,
  onAuth(auth, session, done) {
    return auth.username === settings.user && auth.password === settings.password
      ? done(null, { user: auth.username })
      : done(refuse(535));
  },
  onRcptTo(address, session, done) {
    const name = address.address.split('@')[0];
    if (name.startsWith('refused')) return done(refuse(550));
    if (name.startsWith('later')) return done(refuse(451));
    return done();
  },
  onData(stream, session, done) {
    const parts = [];
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => {
      say({
        from: session.envelope.mailFrom.address,
        to: session.envelope.rcptTo.map((r) => r.address),
        user: session.user || null,
        secure: Boolean(session.secure),
        raw: Buffer.concat(parts).toString('base64'),
      });
      done();
    });
  },
});
server.on('error', () => {}); // A client that breaks off is part of the tests.
server.listen(settings.port || 0, '127.0.0.1', () => say({ port: server.server.address().port }));

// Whatever it is told it says back, after every mail that it answered before. It ends when the test's end of the pipe does.
require('readline').createInterface({ input: process.stdin })
  .on('line', (line) => say({ mark: line }))
  .on('close', () => process.exit(0));
