// One browser for client.mjs: what the extension finds around it (its own storage, tabs, ports, cookies, alarms that never ring and a
// clock that a test sets) and the pages' side of the ports, through which a page asks the background page to do things.
//   {"op":"at","domain":"https://…","address":"http://127.0.0.1:…"}   where a domain is served, like an entry in a hosts file
//   {"op":"install","domain","user_id","username","first_name","last_name","private"}   an account that was set up here earlier
//   {"op":"visit","page":"App"|"Auth"|"Recover"|"AccountRecovery"|"Setup","url":…}       a page of the extension, in a tab of its own
//   {"op":"say","page":…,"message":"passbolt.…","args":[…],"passphrase":…}   what that page asks; the passphrase answers its dialogue
//   {"op":"requestKey","public","private"}   puts this key where "generate-account-recovery-request-key" puts the one that it makes
//   {"op":"account"}                         the keys of the account here
//   {"op":"cookies"}, {"op":"fetch","method","url","body","headers","csrf":bool}        this browser's cookies; a call with them
//   {"op":"errors"}                          what the extension said to the console as errors, and forgets
// Without a server, on the classes alone:
//   {"op":"openAnswer","data","private","passphrase","user_id","domain"}                a reviewer's answer
//   {"op":"openPassword","data","private","passphrase","fingerprint","user_id","domain","owner"}   an escrow password
//   {"op":"openBlob","data","secret"}
//   {"op":"enrolment","private","passphrase","user_id","domain","organisation"}         blob and password as the extension makes them
//   {"op":"revoke","private","passphrase"}   the revoked public key
//   {"op":"encrypt","text","to":[public],"passwords":[…],"sign":[{private,passphrase}],"hidden":bool,"checksum":bool,"aead":bool,"at":ms}
//   {"op":"decrypt","data","private","passphrase","password","known":[public]}          text and who signed
//   {"op":"makeKey","type":"rsa","bits","name","email","passphrase","at":ms,"expires":seconds,"aead":bool}
//   {"op":"key","armored"}                   what openpgp.js sees in it
import { createRequire } from 'node:module';
import { randomUUID } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

// ---- the clock

const RealDate = Date;
let shownTime = null;
class ShownDate extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(ShownDate.now());
    else super(...parts);
  }

  static now() {
    return shownTime ?? RealDate.now();
  }
}
globalThis.Date = ShownDate;

// ---- console: kept, never printed, as standard output is the wire

const errors = [];
const quiet = () => undefined;
globalThis.console = { ...console, log: quiet, debug: quiet, info: quiet, warn: quiet, error: (...said) => errors.push(...said) };

// ---- storage, as the browser copies what is put into it

function makeArea() {
  const items = new Map();
  const answer = (value, callback) => {
    if (callback) callback(value);
    return Promise.resolve(value);
  };
  const take = (keys) => keys === null || keys === undefined ? [...items.keys()] : Array.isArray(keys) ? keys : typeof keys === 'string' ? [keys] : Object.keys(keys);
  return {
    get: (keys, callback) => answer(Object.fromEntries(take(keys).filter((k) => items.has(k)).map((k) => [k, JSON.parse(items.get(k))])), callback),
    set: (values, callback) => {
      for (const [k, v] of Object.entries(values)) items.set(k, JSON.stringify(v));
      return answer(undefined, callback);
    },
    remove: (keys, callback) => {
      for (const k of take(keys)) items.delete(k);
      return answer(undefined, callback);
    },
    clear: (callback) => {
      items.clear();
      return answer(undefined, callback);
    },
    onChanged: makeEvent(),
  };
}

function makeEvent() {
  const listeners = [];
  return {
    addListener: (l) => listeners.push(l),
    removeListener: (l) => listeners.splice(0, listeners.length, ...listeners.filter((x) => x !== l)),
    hasListener: (l) => listeners.includes(l),
    tell: (...args) => Promise.all(listeners.map((l) => l(...args))),
  };
}

// ---- cookies and the network

const jar = [];
const addresses = new Map();

function keepCookies(host, response) {
  for (const line of response.headers.getSetCookie()) {
    const [pair, ...rest] = line.split(';').map((part) => part.trim());
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const attributes = Object.fromEntries(rest.map((a) => [a.split('=')[0].toLowerCase(), a.split('=').slice(1).join('=')]));
    const path = attributes.path || '/';
    const index = jar.findIndex((c) => c.host === host && c.name === name && c.path === path);
    if (index >= 0) jar.splice(index, 1);
    const ends = attributes['max-age'] !== undefined ? Date.now() + Number(attributes['max-age']) * 1000
      : attributes.expires ? RealDate.parse(attributes.expires) : Infinity;
    if (ends > Date.now()) jar.push({ host, name, value, path, ends, httpOnly: 'httponly' in attributes, sameSite: attributes.samesite ?? null, secure: 'secure' in attributes });
  }
}

const cookiesFor = (url) => jar.filter((c) => c.host === url.host && c.ends > Date.now()
  && (url.pathname === c.path || url.pathname.startsWith(c.path.endsWith('/') ? c.path : `${c.path}/`)));

const plainFetch = globalThis.fetch;
async function browserFetch(resource, options = {}) {
  const url = new URL(resource.toString());
  const domain = [...addresses.keys()].find((d) => url.toString() === d || url.toString().startsWith(`${d}/`));
  const address = domain ? addresses.get(domain) + url.toString().slice(domain.length) : url.toString();
  const headers = new Headers(options.headers);
  const cookies = cookiesFor(url);
  if (cookies.length > 0) headers.set('cookie', cookies.map((c) => `${c.name}=${c.value}`).join('; '));
  if ((options.method ?? 'GET') !== 'GET') headers.set('origin', `chrome-extension://${browser.runtime.id}`); // As a browser adds it.
  const response = await plainFetch(address, { ...options, headers });
  keepCookies(url.host, response);
  return response;
}
globalThis.fetch = browserFetch;

// ---- what extensions find in a browser

const tabs = [];
const done = async () => undefined;
const makeBrowser = () => ({
  runtime: {
    id: 'didegimhafipceonhjepacocaffmoppf', lastError: null,
    getManifest: () => ({ version: '5.11.1', manifest_version: 3 }),
    getURL: (path) => `chrome-extension://didegimhafipceonhjepacocaffmoppf/${path.replace(/^\//, '')}`,
    getPlatformInfo: async () => ({ os: 'linux' }), getContexts: async () => [], sendMessage: done, reload: quiet,
    OnInstalledReason: { INSTALL: 'install', UPDATE: 'update' },
    onInstalled: makeEvent(), onUpdateAvailable: makeEvent(), onStartup: makeEvent(), onConnect: makeEvent(), onMessage: makeEvent(),
  },
  storage: { local: makeArea(), session: makeArea(), onChanged: makeEvent() },
  tabs: {
    query: async () => tabs.map((t) => ({ ...t })), update: async (id, change) => Object.assign(tabs.find((t) => t.id === id) ?? {}, change),
    create: done, reload: done, remove: done, sendMessage: done, executeScript: done, insertCSS: done, get: async (id) => tabs.find((t) => t.id === id),
    onUpdated: makeEvent(), onActivated: makeEvent(), onRemoved: makeEvent(),
  },
  windows: { WINDOW_ID_NONE: -1, create: done, onFocusChanged: makeEvent() },
  alarms: { create: done, clear: async () => true, get: done, getAll: async () => [], onAlarm: makeEvent() },
  cookies: {
    get: async ({ name, url }) => {
      const cookie = cookiesFor(new URL(url)).find((c) => c.name === name);
      return cookie ? { name, value: cookie.value } : null;
    },
  },
  commands: { onCommand: makeEvent(), getAll: async () => [] },
  action: { setIcon: quiet, setBadgeText: quiet, setBadgeBackgroundColor: quiet, setPopup: quiet, openPopup: done, onClicked: makeEvent() },
  scripting: { executeScript: done, insertCSS: done },
  webNavigation: { onCompleted: makeEvent(), onDOMContentLoaded: makeEvent() },
  permissions: { contains: async () => true, onAdded: makeEvent(), onRemoved: makeEvent() },
  downloads: { download: done }, i18n: { getMessage: (key) => key }, offscreen: { createDocument: done, closeDocument: done },
});

// There is one database in the extension, for single sign-on; it stays empty.
function makeDatabases() {
  const ask = (result) => {
    const request = {};
    setImmediate(() => request.onsuccess?.({ target: { result } }));
    return Object.assign(request, { result });
  };
  const store = { openCursor: () => ask(null), clear: () => ask(undefined), put: () => ask(undefined) };
  const database = { transaction: () => ({ objectStore: () => store }), createObjectStore: () => ({ createIndex: quiet }), close: quiet };
  return { open: () => ask(database) };
}

const locks = new Map();
async function withLock(name, ...rest) {
  const work = rest.at(-1);
  const before = locks.get(name) ?? Promise.resolve();
  const mine = before.catch(quiet).then(() => work({ name }));
  locks.set(name, mine);
  return mine;
}

const browser = makeBrowser();
Object.assign(globalThis, { browser, chrome: browser, indexedDB: makeDatabases(), self: globalThis });
Object.defineProperty(globalThis, 'navigator', {
  configurable: true, value: { onLine: true, userAgent: 'node', language: 'en-GB', locks: { request: withLock }, clipboard: { writeText: done } },
});

const extension = createRequire(import.meta.url)(workerData.extension);
const { openpgp } = extension;

// ---- pages

const pages = new Map();

async function connect(page, url, name, frameId) {
  const tab = pages.get(page).tab;
  const id = randomUUID();
  const { workers } = await browser.storage.session.get('workers');
  await browser.storage.session.set({ workers: [...(workers ?? []), { id, name, tabId: tab.id, frameId, status: 'waiting_connection' }] });
  const port = {
    name: id, sender: { tab, url, frameId }, onMessage: makeEvent(), onDisconnect: makeEvent(), closed: false, ready: false, waiting: new Map(), passphrase: null,
    disconnect: () => { port.closed = true; },
    postMessage: (json) => hear(port, JSON.parse(json)),
  };
  await browser.runtime.onConnect.tell(port);
  return port;
}

// The background page answers a page's question, or asks it one.
function hear(port, [name, ...rest]) {
  if (name === 'passbolt.port.ready') port.ready = true;
  else if (name === 'passbolt.passphrase.request') {
    const answer = port.passphrase === null ? ['ERROR', { message: 'The dialogue was closed.' }] : ['SUCCESS', { passphrase: port.passphrase, rememberMe: false }];
    setImmediate(() => port.onMessage.tell(JSON.stringify([rest[0], ...answer])));
  } else port.waiting.get(name)?.(rest);
}

async function visit({ page, url }) {
  tabs.forEach((t) => { t.active = false; });
  const tab = { id: tabs.length + 1, url, active: true };
  tabs.push(tab);
  const heard = errors.length;
  pages.set(page, { tab });
  if (['Recover', 'AccountRecovery', 'Setup'].includes(page)) await connect(page, url, `${page}Bootstrap`, 0);
  const port = await connect(page, url, page, null);
  pages.set(page, { tab, port });
  const failed = errors.slice(heard).find((e) => e instanceof Error);
  if (port.closed) throw failed ?? new Error(`${page} was closed.`);
  return { said: errors.slice(heard).map(String) };
}

async function say({ page, message, args, passphrase }) {
  const port = pages.get(page)?.port;
  if (!port) throw new Error(`There is no page ${page}.`);
  const id = randomUUID();
  const heard = errors.length;
  port.passphrase = passphrase ?? null;
  const [status, value] = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${message} was not answered. ${errors.slice(heard).map(String).join(' | ')}`)), 60000);
    port.waiting.set(id, (outcome) => {
      clearTimeout(late);
      resolve(outcome);
    });
    port.onMessage.tell(JSON.stringify([message, id, ...(args ?? [])]));
  });
  port.waiting.delete(id);
  if (status === 'SUCCESS') return value ?? null;
  // An Error does not survive the port's JSON whole; the console has it.
  throw errors.slice(heard).findLast((e) => e instanceof Error) ?? Object.assign(new Error(value?.message ?? message), { data: value?.data });
}

// ---- OpenPGP for the tests

async function openedKey(key, passphrase) {
  const read = await openpgp.readPrivateKey({ armoredKey: key });
  return read.isDecrypted() ? read : openpgp.decryptKey({ privateKey: read, passphrase });
}

async function whoSigned(signatures, known) {
  const byId = new Map();
  for (const key of known) for (const id of key.getKeyIDs()) byId.set(id.toHex(), key.getFingerprint().toUpperCase());
  return Promise.all(signatures.map(async (s) => ({
    key_id: s.keyID.toHex().toUpperCase(),
    by: byId.get(s.keyID.toHex()) ?? null,
    valid: await s.verified.then(() => true, () => false),
  })));
}

const operations = {
  async at({ domain, address }) {
    addresses.set(domain.replace(/\/$/, ''), address.replace(/\/$/, ''));
  },

  async install(call) {
    const options = extension.BuildApiClientOptionsService.buildFromDomain(call.domain);
    const server = await new extension.AuthVerifyServerKeyService(options).getServerKey();
    const key = await openpgp.readPrivateKey({ armoredKey: call.private });
    await new extension.AccountModel().add(new extension.AccountEntity({
      domain: call.domain, user_id: call.user_id, username: call.username, first_name: call.first_name, last_name: call.last_name,
      user_key_fingerprint: key.getFingerprint().toUpperCase(), user_public_armored_key: key.toPublic().armor(), user_private_armored_key: key.armor(),
      server_public_armored_key: server.armored_key, security_token: { code: 'abc', color: '#ff3a3a', textcolor: '#ffffff' },
    }));
    return { server: server.fingerprint };
  },

  visit,
  say,

  async requestKey(call) {
    const temporary = await extension.AccountTemporarySessionStorageService.get(pages.get('Recover').port.name);
    const key = await openpgp.readKey({ armoredKey: call.public });
    temporary.account.userPrivateArmoredKey = call.private;
    temporary.account.userPublicArmoredKey = call.public;
    temporary.account.userKeyFingerprint = key.getFingerprint().toUpperCase();
    await extension.AccountTemporarySessionStorageService.set(temporary);
    return temporary.account.userKeyFingerprint;
  },

  // The account as the extension keeps it: recovered, set up, or waiting for its request.
  async account() {
    const { _passbolt_data: kept, accounts } = await browser.storage.local.get(['_passbolt_data', 'accounts']);
    const privateKeys = JSON.parse(kept?.['passbolt-private-gpgkeys'] ?? '{}');
    const config = kept?.config ?? {};
    return {
      user_id: config['user.id'] ?? null, username: config['user.username'] ?? null, domain: config['user.settings.trustedDomain'] ?? null,
      private: privateKeys.MY_KEY_ID?.armored_key ?? null, fingerprint: privateKeys.MY_KEY_ID?.fingerprint?.toUpperCase() ?? null,
      waiting: (accounts ?? []).map(({ type, user_id, account_recovery_request_id, user_key_fingerprint, domain }) =>
        ({ type, user_id, account_recovery_request_id, user_key_fingerprint, domain })),
    };
  },

  async cookies() {
    return jar.map((c) => ({ ...c, ends: c.ends === Infinity ? null : c.ends }));
  },

  async fetch({ method, url, body, headers, csrf }) {
    const sent = new Headers({ accept: 'application/json', ...(typeof body === 'object' && body !== null ? { 'content-type': 'application/json' } : {}), ...headers });
    const token = cookiesFor(new URL(url)).find((c) => c.name === 'csrfToken');
    if (csrf !== false && token) sent.set('x-csrf-token', token.value);
    const response = await browserFetch(url, { method, headers: sent, body: body === undefined || body === null ? undefined : typeof body === 'string' ? body : JSON.stringify(body), redirect: 'manual' });
    const text = await response.text();
    let json = null;
    try { json = JSON.parse(text); } catch { /* not JSON */ }
    return { status: response.status, headers: Object.fromEntries(response.headers), json, text: json ? null : text };
  },

  async errors() {
    return errors.splice(0).map((e) => (e instanceof Error ? `${e.name}: ${e.message}` : String(e)));
  },

  async openAnswer(call) {
    const key = await extension.DecryptPrivateKeyService.decrypt(await openpgp.readKey({ armoredKey: call.private }), call.passphrase);
    const opened = await extension.DecryptResponseDataService.decrypt({ data: call.data }, key, call.user_id, call.domain);
    return opened.toDto();
  },

  async openPassword(call) {
    const key = await openedKey(call.private, call.passphrase);
    const password = new extension.PasswordEntity({
      data: call.data, private_key_id: randomUUID(), recipient_fingerprint: call.fingerprint, recipient_foreign_model: 'AccountRecoveryOrganizationKey',
    });
    const owner = call.owner ? await openpgp.readKey({ armoredKey: call.owner }) : undefined;
    return (await extension.DecryptPrivateKeyPasswordDataService.decrypt(password, key, call.domain, call.user_id, owner)).toDto();
  },

  async openBlob({ data, secret }) {
    const armored = await extension.DecryptMessageService.decryptSymmetrically(await openpgp.readMessage({ armoredMessage: data }), secret);
    const key = await openpgp.readPrivateKey({ armoredKey: armored });
    return { fingerprint: key.getFingerprint().toUpperCase(), unprotected: key.isDecrypted() };
  },

  async enrolment(call) {
    const key = await openedKey(call.private, call.passphrase);
    const policy = new extension.AccountRecoveryOrganizationPolicyEntity({
      policy: 'opt-in', account_recovery_organization_public_key: { armored_key: call.organisation, fingerprint: (await openpgp.readKey({ armoredKey: call.organisation })).getFingerprint().toUpperCase() },
    });
    const account = { userId: call.user_id, domain: call.domain, userKeyFingerprint: key.getFingerprint().toUpperCase() };
    const setting = (await extension.BuildApprovedSetting.build(account, key, policy)).toDto({ account_recovery_private_key: { account_recovery_private_key_passwords: true } });
    return setting;
  },

  async revoke(call) {
    return (await extension.RevokeGpgKeyService.revoke(await openedKey(call.private, call.passphrase))).armor();
  },

  async encrypt(call) {
    const date = call.at ? new Date(call.at) : undefined;
    const message = await openpgp.encrypt({
      message: await openpgp.createMessage({ text: call.text, date }), date,
      encryptionKeys: await Promise.all((call.to ?? []).map((armoredKey) => openpgp.readKey({ armoredKey }))),
      passwords: call.passwords?.length ? call.passwords : undefined,
      signingKeys: await Promise.all((call.sign ?? []).map((s) => openedKey(s.private, s.passphrase))),
      wildcard: call.hidden === true, config: { aeadProtect: call.aead === true },
    });
    return call.checksum === false ? message.replace(/\r?\n=[A-Za-z0-9+/]{4}(\r?\n-----END)/, '$1') : message;
  },

  async decrypt(call) {
    const known = await Promise.all((call.known ?? []).map((armoredKey) => openpgp.readKey({ armoredKey })));
    const opened = await openpgp.decrypt({
      message: await openpgp.readMessage({ armoredMessage: call.data }), verificationKeys: known,
      ...(call.password ? { passwords: [call.password] } : { decryptionKeys: await openedKey(call.private, call.passphrase) }),
      config: { allowUnauthenticatedMessages: false },
    });
    return { text: opened.data, signatures: await whoSigned(opened.signatures, known) };
  },

  async makeKey(call) {
    const made = await openpgp.generateKey({
      type: call.type ?? 'rsa', ...(call.type && call.type !== 'rsa' ? {} : { rsaBits: call.bits ?? 3072 }), userIDs: [{ name: call.name, email: call.email }],
      passphrase: call.passphrase, date: call.at ? new Date(call.at) : undefined, keyExpirationTime: call.expires ?? 0, format: 'armored',
      config: { aeadProtect: call.aead === true },
    });
    return { public: made.publicKey, private: made.privateKey };
  },

  async key({ armored }) {
    const key = await openpgp.readKey({ armoredKey: armored });
    return {
      fingerprint: key.getFingerprint().toUpperCase(), private: key.isPrivate(), unprotected: key.isPrivate() ? key.isDecrypted() : null,
      revoked: await key.isRevoked(), users: key.getUserIDs(), created: key.getCreationTime().getTime(), ...key.getAlgorithmInfo(),
      certifiedBy: key.users.flatMap((u) => [...u.selfCertifications, ...u.otherCertifications].map((s) => s.issuerKeyID.toHex().toUpperCase())),
    };
  },
};

parentPort.on('message', async (call) => {
  shownTime = call.now ?? null;
  let outcome;
  try {
    const operation = operations[call.op];
    if (!operation) throw new Error(`no such call: ${call.op}`);
    outcome = { value: (await operation(call)) ?? null };
  } catch (e) {
    outcome = { error: { name: e?.name ?? 'thrown', code: e?.data?.code ?? null, message: e?.message ?? String(e), body: e?.data?.body ?? e?.details ?? null } };
  }
  parentPort.postMessage({ ...outcome, call: call.call });
});
