// Runs the calls of Dfns's own clients, unmodified, for the tests: `node dfns.js 0.8` or `node dfns.js 0.5`. Every line on standard
// input is one call as JSON, every line on standard output its outcome: {"call":n,"value":…} or {"call":n,"error":{…}}.
//   {"op":"api","method":"createDelegatedRecoveryChallenge","args":[…],"base":"http://…","token":"…","signer":{…}}   DfnsApiClient.auth
//   {"op":"base","method":"createUserLogin","args":[…],"base":"http://…","token":"…"}                               BaseAuthApi
//   {"op":"login","args":[…],"signer":{…}}                                                                         DfnsAuthenticator
//   {"op":"create"|"sign","signer":{…},"challenge":{…}}                                                            a signer alone
//   {"op":"kit","challenge":{…},"username":"…"}   a recovery key as the vendor's example makes it
//   {"op":"recover","kit":{…},"credentials":{…},"origin":"…"}   what that key signs
//   {"op":"forget","device":"phone"}
// A signer is {"kind":"key","credId","pem"}, {"kind":"webauthn","device","origin","rp":{id,name}} or {"kind":"browserkey","device"}.
'use strict';
const crypto = require('crypto');
const path = require('path');
const { AsyncLocalStorage } = require('async_hooks');
const { SoftwareAuthenticator } = require('./software-authenticator');

const from = path.join(__dirname, `dfns-${process.argv[2]}`, 'node_modules', '@dfns');
const page = new AsyncLocalStorage();
const devices = new Map();
const deviceOf = (name) => devices.get(name) || devices.set(name, new SoftwareAuthenticator()).get(name);
Object.defineProperty(globalThis, 'navigator', {
  configurable: true,
  value: {
    credentials: {
      create: (options) => deviceOf(page.getStore().device).at(page.getStore().origin).create(options),
      get: (options) => deviceOf(page.getStore().device).at(page.getStore().origin).get(options),
    },
  },
});
Object.defineProperty(globalThis, 'window', { configurable: true, value: globalThis });

const sdk = require(path.join(from, 'sdk'));
const { BaseAuthApi } = require(path.join(from, 'sdk', 'baseAuthApi'));
const { AsymmetricKeySigner } = require(path.join(from, 'sdk-keysigner'));
const { BrowserKeySigner, WebAuthnSigner } = require(path.join(from, 'sdk-browser'));
const browserKeys = new Map();

// A key that lives in a page: the signer keeps the name that it drew for it.
async function browserKeyOf(name) {
  if (!browserKeys.has(name)) {
    const keyPair = await globalThis.crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    browserKeys.set(name, new BrowserKeySigner({ keyPair }));
  }
  return browserKeys.get(name);
}

const signerOf = async (signer) =>
  !signer ? undefined
  : signer.kind === 'browserkey' ? browserKeyOf(signer.device)
  : signer.kind === 'key' ? new AsymmetricKeySigner({ credId: signer.credId, privateKey: signer.pem, appOrigin: signer.origin })
  : new WebAuthnSigner({ relyingParty: signer.rp });
const inPage = (signer, work) => page.run({ device: signer?.device, origin: signer?.origin }, work);

// The vendor's scheme of a recovery key: a code of 32 letters, a key pair, and the private key encrypted under the code.
function makeKit({ challenge, username }) {
  const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  const letters = [...crypto.randomBytes(32)].map((b) => alphabet[b % 32]).join('');
  const code = ['D1', letters.slice(0, 6), letters.slice(6, 11), letters.slice(11, 16), letters.slice(16, 21), letters.slice(21, 26), letters.slice(26)].join('-');
  const pair = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const salt = crypto.createHash('sha256').update(username.toLowerCase().trim()).digest();
  const key = crypto.pbkdf2Sync(code, salt, 100000, 32, 'sha256');
  const iv = crypto.randomBytes(16);
  const cipher = crypto.createCipheriv('aes-256-gcm', key, iv);
  const sealed = Buffer.concat([cipher.update(pair.privateKey.export({ format: 'der', type: 'pkcs8' })), cipher.final(), cipher.getAuthTag()]);
  const encryptedPrivateKey = Buffer.from(JSON.stringify({ key: sealed.toString('base64'), iv: iv.toString('base64') })).toString('base64');
  const credId = crypto.createHash('sha256').update(encryptedPrivateKey).digest('base64url');
  const publicKey = `-----BEGIN PUBLIC KEY-----\n${pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}\n-----END PUBLIC KEY-----`;
  return { code, credId, username, credential: attest('RecoveryKey', pair.privateKey, publicKey, credId, challenge, encryptedPrivateKey) };
}

function attest(kind, privateKey, publicKey, credId, challenge, encryptedPrivateKey) {
  const clientData = Buffer.from(JSON.stringify({
    type: 'key.create', challenge: Buffer.from(challenge).toString('base64url'), origin: 'http://localhost:3000', crossOrigin: false,
  }));
  const hash = crypto.createHash('sha256').update(clientData).digest('hex');
  const fingerprint = JSON.stringify({ clientDataHash: hash, publicKey });
  const signature = crypto.sign('sha256', Buffer.from(fingerprint), { key: privateKey, dsaEncoding: 'der' }).toString('hex');
  const attestationData = Buffer.from(JSON.stringify({ publicKey, signature, algorithm: 'SHA256' })).toString('base64url');
  return { credentialKind: kind, credentialInfo: { credId, attestationData, clientData: clientData.toString('base64url') }, encryptedPrivateKey };
}

// The code opens the private key that the server gave back; the key signs the new credentials.
function signRecovery({ code, username, credId, encryptedRecoveryKey, credentials, text, clientData: changed }) {
  const salt = crypto.createHash('sha256').update(username.toLowerCase().trim()).digest();
  const key = crypto.pbkdf2Sync(code, salt, 100000, 32, 'sha256');
  const stored = JSON.parse(Buffer.from(encryptedRecoveryKey, 'base64').toString());
  const sealed = Buffer.from(stored.key, 'base64');
  const decipher = crypto.createDecipheriv('aes-256-gcm', key, Buffer.from(stored.iv, 'base64'));
  decipher.setAuthTag(sealed.subarray(-16));
  const der = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  const privateKey = crypto.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const clientData = Buffer.from(JSON.stringify({
    type: 'key.get', challenge: Buffer.from(text ?? JSON.stringify(credentials)).toString('base64url'), origin: 'http://localhost:3000', crossOrigin: false,
    ...changed, // What a test of a forger says instead.
  }));
  const signature = crypto.sign('sha256', clientData, { key: privateKey, dsaEncoding: 'der' });
  return { kind: 'RecoveryKey', credentialAssertion: { credId, clientData: clientData.toString('base64url'), signature: signature.toString('base64url') } };
}

async function run(call) {
  const options = { baseUrl: call.base, orgId: call.orgId, appId: call.appId, authToken: call.token, signer: await signerOf(call.signer) };
  switch (call.op) {
    case 'api':
      return inPage(call.signer, () => new sdk.DfnsApiClient(options).auth[call.method](...(call.args || [])));
    case 'base': {
      const method = BaseAuthApi[call.method] || new BaseAuthApi()[call.method];
      return method(...(call.args || []), options);
    }
    case 'login':
      return inPage(call.signer, () => new sdk.DfnsAuthenticator(options).login(...(call.args || [])));
    case 'create':
      return inPage(call.signer, () => options.signer.create(call.challenge));
    case 'sign':
      return inPage(call.signer, () => options.signer.sign(call.challenge));
    case 'kit':
      return makeKit(call);
    case 'attest': {
      const privateKey = crypto.createPrivateKey(call.pem);
      const publicKey = crypto.createPublicKey(call.pem).export({ format: 'pem', type: 'spki' });
      return attest(call.kind || 'Key', privateKey, publicKey, call.credId, call.challenge, call.encryptedPrivateKey);
    }
    case 'recover':
      return signRecovery(call);
    case 'forget':
      devices.delete(call.device);
      return null;
    default:
      throw new Error(`no such call: ${call.op}`);
  }
}

require('readline').createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const call = JSON.parse(line);
    let outcome;
    try {
      outcome = { value: (await run(call)) ?? null };
    } catch (e) {
      outcome = { error: { name: e.name ?? 'thrown', code: e.httpStatus ?? null, message: e.message ?? String(e), body: e.context?.body ?? null } };
    }
    process.stdout.write(JSON.stringify({ call: call.call, ...outcome }) + '\n');
  })
  .on('close', () => process.exit(0));
