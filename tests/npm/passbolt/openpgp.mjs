// What the vendor's own OpenPGP library makes of keys and messages, one call as JSON a line:
//   open    {message, key and passphrase or password, signers: [armored]} → {text, signatures: [fingerprint or null when it is not valid]}
//   key     {armored} → {fingerprint, revoked, expires, bits, userIds}
//   seal    {text, to?: [armored], password?, signers: [armored secret], compress?} → message
import { createInterface } from 'node:readline';
import * as openpgp from 'openpgp';

openpgp.config.showComment = openpgp.config.showVersion = false;
const at = (time) => (time ? { date: new Date(time) } : {});
const keys = (all) => Promise.all((all ?? []).map((armoredKey) => openpgp.readKey({ armoredKey })));
const secrets = (all) => Promise.all((all ?? []).map((armoredKey) => openpgp.readPrivateKey({ armoredKey })));

const calls = {
  async open({ message, key, passphrase, password, signers, time }) {
    const { data, signatures } = await openpgp.decrypt({
      message: await openpgp.readMessage({ armoredMessage: message }), verificationKeys: await keys(signers), ...at(time),
      ...(key ? { decryptionKeys: [await openpgp.decryptKey({ privateKey: (await secrets([key]))[0], passphrase })] } : { passwords: [password] }),
    });
    const known = await keys(signers);
    return {
      text: data,
      signatures: await Promise.all(signatures.map(async (s) => {
        const signer = known.find((k) => k.getKeys(s.keyID).length > 0);
        return await s.verified.catch(() => false) ? signer.getFingerprint().toUpperCase() : null;
      })),
    };
  },
  async key({ armored }) {
    const key = await openpgp.readKey({ armoredKey: armored });
    const expires = await key.getExpirationTime();
    return {
      fingerprint: key.getFingerprint().toUpperCase(), revoked: await key.isRevoked(), expires: expires === Infinity ? null : expires,
      bits: key.getAlgorithmInfo().bits, userIds: key.getUserIDs(),
    };
  },
  async seal({ text, to, password, signers, time, compress }) {
    return openpgp.encrypt({
      message: await openpgp.createMessage({ text, ...at(time) }), signingKeys: await secrets(signers), ...at(time),
      ...(to ? { encryptionKeys: await keys(to) } : {}), ...(password ? { passwords: [password] } : {}),
      ...(compress ? { config: { preferredCompressionAlgorithm: openpgp.enums.compression.zlib } } : {}),
    });
  },
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  const call = JSON.parse(line);
  const said = await calls[call.op](call).then((value) => ({ value }), (error) => ({ error: { message: error.message } }));
  process.stdout.write(JSON.stringify({ call: call.call, ...said }) + '\n');
}).on('close', () => process.exit(0));
