// Prints the vendor's own test keys and messages as one line of JSON, taken from its packages at run time: `node vectors.mjs`.
// Nothing of them is kept in this repository.
//   keys       name → {userId?, public, private?, private_decrypted?, revoked?, public_with_expiration_date?, passphrase?,
//              fingerprint (40 upper hex, computed where the vendor leaves it out), keyId, user_ids?, …}
//   messages   the same people's escrow: ada {blob, password}, betty {password}, substitution {password}, answer {data}
//   requests   name → the JSON of a request, as a server would answer it
//   answers    accepted, rejected
//   settings   rejected, accepted, pending
//   policies, organisationKeys, secret (the JSON inside), organisationKeyCases, signIn {token, nonce, invalid}
import { build } from 'esbuild';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';

const here = dirname(fileURLToPath(import.meta.url));
const shared = 'passbolt-styleguide/src/shared/models/entity/accountRecovery';
const extension = 'passbolt-browser-extension/src/all/background_page';
const entry = [
  `export * as keys from 'passbolt-styleguide/test/fixture/pgpKeys/keys';`,
  `export * as privateKeys from '${shared}/accountRecoveryPrivateKeyEntity.test.data';`,
  `export * as passwords from '${shared}/accountRecoveryPrivateKeyPasswordEntity.test.data';`,
  `export * as requests from '${shared}/accountRecoveryRequestEntity.test.data';`,
  `export * as responses from '${shared}/accountRecoveryResponseEntity.test.data';`,
  `export * as settings from '${shared}/accountRecoveryUserSettingEntity.test.data';`,
  `export * as policies from '${extension}/model/entity/accountRecovery/accountRecoveryOrganizationPolicyEntity.test.data';`,
  `export * as changes from '${extension}/model/entity/accountRecovery/accountRecoveryOrganizationPolicyChangeEntity.test.data';`,
  `export * as organisationKeys from '${extension}/model/entity/accountRecovery/accountRecoveryOrganizationPublicKeyEntity.test.data';`,
  `export * as inside from '${extension}/model/entity/accountRecovery/accountRecoveryPrivateKeyPasswordDecryptedDataEntity.test.data';`,
  `export * as cases from '${extension}/service/accountRecovery/validateOrganizationPublicKeyService.test.data';`,
  `export * as privateCases from '${extension}/service/api/accountRecovery/validateAccountRecoveryOrganizationPrivateKeyService.test.data';`,
  `export * as signIn from '${extension}/service/auth/decryptUserAuthTokenService.test.data';`,
  `export * as openpgp from 'openpgp';`,
].join('\n');

const folder = await mkdtemp(join(tmpdir(), 'sparekey-vectors-'));
let of;
try {
  await build({
    stdin: { contents: entry, resolveDir: here }, bundle: true, platform: 'node', format: 'esm', outfile: join(folder, 'vectors.mjs'),
    logLevel: 'error', legalComments: 'none', mainFields: ['module', 'main'],
  });
  of = await import(pathToFileURL(join(folder, 'vectors.mjs')).href);
} finally {
  await rm(folder, { recursive: true });
}

// The names of a module's makers, without the product's own prefix: each is called without arguments.
const made = (module) => Object.fromEntries(Object.entries(module)
  .filter(([, value]) => typeof value === 'function')
  .map(([name, make]) => [name, make()]));

const keys = {};
for (const [name, key] of Object.entries(of.keys.pgpKeys)) {
  const read = await of.openpgp.readKey({ armoredKey: key.public ?? key.private }).catch(() => null);
  keys[name] = {
    ...key,
    fingerprint: (key.fingerprint ?? read?.getFingerprint())?.toUpperCase() ?? null,
    keyId: read?.getKeyID().toHex().toUpperCase() ?? null,
  };
}

const ada = of.privateKeys.defaultAccountRecoveryPrivateKeyDto();
process.stdout.write(JSON.stringify({
  keys,
  messages: {
    ada: { blob: ada.data, password: ada.account_recovery_private_key_passwords[0].data },
    betty: { password: of.passwords.bettyAccountRecoveryPrivateKeyPasswordDto().data },
    substitution: { password: of.passwords.secretSubstitutionAttackAccountRecoveryPrivateKeyPasswordDto().data },
    answer: { data: of.responses.acceptedAccountRecoveryResponseDto().data },
  },
  privateKeys: made(of.privateKeys),
  passwords: made(of.passwords),
  requests: made(of.requests),
  answers: made(of.responses),
  settings: made(of.settings),
  policies: made(of.policies),
  policyChanges: made(of.changes),
  organisationKeys: made(of.organisationKeys),
  secret: of.inside.defaultAccountRecoveryPrivateKeyPasswordDecryptedDataDto(),
  organisationKeyCases: of.cases.dummyData,
  organisationPrivateKeyCases: of.privateCases.dummyData,
  signIn: { token: of.signIn.bettyEncryptedAuthToken, nonce: of.signIn.bettyAuthToken, invalid: of.signIn.invalidBettyEncryptedAuthToken },
}) + '\n');
