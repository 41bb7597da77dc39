// An authenticator in software and the part of a browser that stands before it: navigator.credentials of one page. It keeps its
// credentials as long as the process lives; one that is lost is simply not used any more.
'use strict';
const crypto = require('crypto');

const toBytes = (source) => Buffer.from(ArrayBuffer.isView(source) ? source.buffer.slice(source.byteOffset, source.byteOffset + source.byteLength) : source);
const toBuffer = (bytes) => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();
const refuse = (name) => Object.assign(new Error(name), { name });

// The four kinds of CBOR that an attestation object has, in definite lengths (RFC 8949 §3).
function cbor(value) {
  const head = (major, n) =>
    n < 24 ? Buffer.from([(major << 5) | n])
    : n < 256 ? Buffer.from([(major << 5) | 24, n])
    : Buffer.from([(major << 5) | 25, n >> 8, n & 255]);
  if (typeof value === 'number') return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  const entries = [...value];
  return Buffer.concat([head(5, entries.length), ...entries.flatMap(([k, v]) => [cbor(k), cbor(v)])]);
}

class SoftwareAuthenticator {
  constructor() {
    this.credentials = [];
  }

  /** The navigator.credentials of a page of an origin. */
  at(origin) {
    return { create: (options) => this.create(origin, options.publicKey), get: (options) => this.get(origin, options.publicKey) };
  }

  async create(origin, asked) {
    this.checkRp(origin, asked.rp.id);
    const excluded = (asked.excludeCredentials || []).map((e) => toBytes(e.id).toString('hex'));
    if (this.credentials.some((c) => c.rpId === asked.rp.id && excluded.includes(c.id.toString('hex')))) throw refuse('InvalidStateError');
    if (!asked.pubKeyCredParams.some((p) => p.type === 'public-key' && p.alg === -7)) throw refuse('NotSupportedError');
    const pair = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = pair.publicKey.export({ format: 'jwk' });
    const made = { id: crypto.randomBytes(32), rpId: asked.rp.id, user: toBytes(asked.user.id), key: pair.privateKey, counter: 0 };
    this.credentials.push(made);
    const cose = new Map([[1, 2], [3, -7], [-1, 1], [-2, Buffer.from(jwk.x, 'base64url')], [-3, Buffer.from(jwk.y, 'base64url')]]);
    const length = Buffer.from([0, made.id.length]);
    const data = Buffer.concat([this.data(made, 0x45), Buffer.alloc(16), length, made.id, cbor(cose)]);
    const client = this.clientData('webauthn.create', asked.challenge, origin);
    const attestation = cbor(new Map([['fmt', 'none'], ['attStmt', new Map()], ['authData', data]]));
    return this.answer(made, { clientDataJSON: toBuffer(client), attestationObject: toBuffer(attestation), getTransports: () => ['internal'] });
  }

  async get(origin, asked) {
    this.checkRp(origin, asked.rpId);
    const allowed = (asked.allowCredentials || []).map((e) => toBytes(e.id).toString('hex'));
    const found = this.credentials.filter((c) => c.rpId === asked.rpId && (allowed.length === 0 || allowed.includes(c.id.toString('hex'))));
    if (found.length === 0) throw refuse('NotAllowedError');
    const used = found[found.length - 1];
    used.counter += 1;
    const data = this.data(used, 0x05);
    const client = this.clientData('webauthn.get', asked.challenge, origin);
    const signature = crypto.sign('sha256', Buffer.concat([data, sha256(client)]), { key: used.key, dsaEncoding: 'der' });
    return this.answer(used, {
      clientDataJSON: toBuffer(client), authenticatorData: toBuffer(data), signature: toBuffer(signature), userHandle: toBuffer(used.user),
    });
  }

  // What a browser checks before it asks anybody (WebAuthn Level 3 §5.1.3 step 8).
  checkRp(origin, rpId) {
    const host = new URL(origin).hostname;
    if (host !== rpId && !host.endsWith(`.${rpId}`)) throw refuse('SecurityError');
  }

  data(credential, flags) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(credential.counter);
    return Buffer.concat([sha256(Buffer.from(credential.rpId)), Buffer.from([flags]), counter]);
  }

  clientData(type, challenge, origin) {
    return Buffer.from(JSON.stringify({ type, challenge: toBytes(challenge).toString('base64url'), origin, crossOrigin: false }));
  }

  answer(credential, response) {
    return { id: credential.id.toString('base64url'), rawId: toBuffer(credential.id), type: 'public-key', authenticatorAttachment: 'platform', response };
  }
}

module.exports = { SoftwareAuthenticator };
