// Runs the calls of LoginID's own clients, unmodified, for the tests. Every line on standard input is one call as JSON, every line
// on standard output its outcome: {"call":n,"value":…} or {"call":n,"error":{"name","code","message"}}.
//   {"call":1,"sdk":"node","base":"http://…","client":"…","key":"PEM","method":"generateCode","args":[…]}
//   {"call":2,"sdk":"web","base":"http://…","client":"…","origin":"http://localhost:3000","authenticator":"phone","method":"…","args":[…]}
//   {"call":3,"sdk":"forget","authenticator":"phone"}    the device is lost
'use strict';
process.noDeprecation = true; // A client's package names a main file that it does not have.
const { AsyncLocalStorage } = require('async_hooks');
const { SoftwareAuthenticator } = require('./software-authenticator');

// What the browser's client expects of a page. Which page it is follows the call, so that calls can run side by side.
const page = new AsyncLocalStorage();
const authenticators = new Map();
const storage = new Map();
const define = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
const authenticatorOf = (name) => authenticators.get(name) || authenticators.set(name, new SoftwareAuthenticator()).get(name);

define('window', globalThis);
define('localStorage', { getItem: (key) => (storage.has(key) ? storage.get(key) : null), setItem: (key, value) => storage.set(key, String(value)) });
define('navigator', {
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
  credentials: {
    create: (options) => authenticatorOf(page.getStore().authenticator).at(page.getStore().origin).create(options),
    get: (options) => authenticatorOf(page.getStore().authenticator).at(page.getStore().origin).get(options),
  },
});

// fetch as a page has it: it says its origin, asks before it sends what is not simple, and shows no answer that is not meant for it.
const plain = globalThis.fetch;
const blocked = (why) => new TypeError(`Failed to fetch: ${why}`);
define('fetch', async (url, options = {}) => {
  const at = page.getStore();
  const method = (options.method || 'GET').toUpperCase();
  const names = Object.keys(options.headers || {}).map((name) => name.toLowerCase()).sort();
  const asked = await plain(url, {
    method: 'OPTIONS',
    headers: { origin: at.origin, 'access-control-request-method': method, 'access-control-request-headers': names.join(',') },
  });
  const allowed = (asked.headers.get('access-control-allow-headers') || '').toLowerCase().split(',').map((name) => name.trim());
  if (!asked.ok || asked.headers.get('access-control-allow-origin') !== at.origin) throw blocked('the preflight was refused');
  if (names.some((name) => !allowed.includes(name))) throw blocked('a header is not allowed');
  const answer = await plain(url, { ...options, method, headers: { ...options.headers, origin: at.origin, 'user-agent': globalThis.navigator.userAgent } });
  if (answer.headers.get('access-control-allow-origin') !== at.origin) throw blocked('the answer is not for this origin');
  return answer;
});

const nodeSdk = require('@loginid/node-sdk');
const WebSdk = require('@loginid/sdk').default;

async function run(call) {
  switch (call.sdk) {
    case 'node': {
      const client = new nodeSdk.LoginIdManagement(call.client, call.key, call.base);
      return client[call.method](...(call.args || []));
    }
    case 'web': {
      const client = new WebSdk(call.base, call.client);
      return page.run({ origin: call.origin, authenticator: call.authenticator }, () => client[call.method](...(call.args || [])));
    }
    case 'forget':
      authenticators.delete(call.authenticator);
      return null;
    default:
      throw new Error(`no such client: ${call.sdk}`);
  }
}

require('readline').createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const call = JSON.parse(line);
    let outcome;
    try {
      outcome = { value: (await run(call)) ?? null };
    } catch (e) {
      outcome = { error: { name: e.name ?? 'thrown', code: e.code ?? null, message: e.message ?? String(e) } };
    }
    process.stdout.write(JSON.stringify({ call: call.call, ...outcome }) + '\n');
  })
  .on('close', () => process.exit(0));
