// A provider of OpenID Connect on this machine, and a person's browser at it, for the tests: `node oidc.js PORT NOW CLIENT SECRET METHOD
// REDIRECT…`, where NOW is the time of the test in milliseconds since 1970. Every line on standard input is one call as JSON, every line on standard output its outcome.
//   {"op":"visit","url":"http://…","account":"ada","decline":false}   → the address that the provider sends the browser back to
//   {"op":"wait"}                                                     → once it is there
'use strict';
const path = require('path');
const { pathToFileURL } = require('url');

// What the provider says about itself is no outcome.
for (const name of ['log', 'info', 'warn', 'error']) console[name] = () => {};
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const [port, now, client, secret, method, ...redirects] = process.argv.slice(2);
const clock = Date.now.bind(Date);
const behind = Number(now) - clock();
Date.now = () => clock() + behind;

async function start() {
  const { default: Provider } = await import(pathToFileURL(path.join(__dirname, 'oidc', 'node_modules', 'oidc-provider', 'lib', 'index.js')));
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [{ client_id: client, client_secret: secret, redirect_uris: redirects, token_endpoint_auth_method: method }],
    clientAuthMethods: [method],
    pkce: { methods: ['S256'], required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true }) }),
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    cookies: { keys: ['a key of the tests'] },
    features: { devInteractions: { enabled: true } },
  });
  await new Promise((resolve) => provider.listen(Number(port), '127.0.0.1', resolve));
}

// A browser of the provider's own pages: it signs in, consents, and stops where it would leave the provider.
async function visit({ url, account, decline }) {
  const jar = new Map();
  let [next, form] = [url, null];
  for (let step = 0; step < 20; step += 1) {
    if (!next.startsWith(`http://127.0.0.1:${port}`)) return next;
    const answer = await fetch(next, {
      method: form ? 'POST' : 'GET',
      body: form ? new URLSearchParams(form) : undefined,
      headers: { cookie: [...jar].map(([k, v]) => `${k}=${v}`).join('; ') },
      redirect: 'manual',
    });
    for (const set of answer.headers.getSetCookie()) {
      const [pair] = set.split(';');
      jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    form = null;
    if (answer.headers.get('location')) {
      next = new URL(answer.headers.get('location'), next).href;
      continue;
    }
    const page = await answer.text();
    if (!/name="prompt"/.test(page)) throw new Error(`${answer.status} at ${next}: ${page.slice(0, 300)}`);
    if (decline) {
      next = new URL(/href="([^"]*abort[^"]*)"/.exec(page)[1], next).href;
      continue;
    }
    form = /value="login"/.test(page) ? { prompt: 'login', login: account, password: 'x' } : { prompt: 'consent' };
    next = new URL(/action="([^"]*)"/.exec(page)[1], next).href;
  }
  throw new Error('the provider sends the browser in circles');
}

const ready = start();
require('readline').createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const call = JSON.parse(line);
    try {
      await ready;
      say({ call: call.call, value: call.op === 'visit' ? await visit(call) : true });
    } catch (e) {
      say({ call: call.call, error: { message: `${e.message}` } });
    }
  })
  .on('close', () => process.exit(0));
