// Runs Passbolt's own browser extension, unmodified, for the tests: `node passbolt/client.mjs [FOLDER]`. Its background page is bundled from
// node_modules when this starts, into a folder that goes when this ends; a folder that is named stays, for the next one to find the bundle
// there. Every browser of a test is a thread with a profile of its own (see browser.mjs, which stands in for the browser). Every line on standard input is one call as JSON, every line on standard output
// its outcome: {"call":n,"value":…} or {"call":n,"error":{name,code,message,body}}.
//   {"browser":"ada","op":…,"now":ms,…}   one browser's turn; "now" is its clock (it stands still between calls), the real one when left out
//   {"browser":"ada","op":"close"}        the profile is thrown away: another computer
import { build } from 'esbuild';
import { Worker } from 'node:worker_threads';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

const here = dirname(fileURLToPath(import.meta.url));
const page = 'passbolt-browser-extension/src/all/background_page';
const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'sparekey-passbolt-'));
if (!process.argv[2]) process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const bundle = join(folder, 'extension.cjs');
const fresh = join(folder, `${process.pid}.cjs`);
if (!existsSync(bundle)) await build({
  stdin: {
    // The first line is the extension as the browser starts it; the others are classes of it that a test calls by themselves.
    contents: [
      `import '${page}/index.js';`,
      `export { default as AccountModel } from '${page}/model/account/accountModel';`,
      `export { default as AccountEntity } from '${page}/model/entity/account/accountEntity';`,
      `export { default as AccountTemporarySessionStorageService } from '${page}/service/sessionStorage/accountTemporarySessionStorageService';`,
      `export { default as AccountRecoveryModel } from '${page}/model/accountRecovery/accountRecoveryModel';`,
      `export { default as AccountRecoveryResponseEntity } from '${page}/model/entity/accountRecovery/accountRecoveryResponseEntity';`,
      `export { default as AccountRecoveryOrganizationPolicyEntity } from '${page}/model/entity/accountRecovery/accountRecoveryOrganizationPolicyEntity';`,
      `export { default as AuthVerifyServerKeyService } from '${page}/service/api/auth/authVerifyServerKeyService';`,
      `export { default as BuildApiClientOptionsService } from '${page}/service/account/buildApiClientOptionsService';`,
      `export { default as BuildApprovedSetting } from '${page}/service/accountRecovery/buildApprovedAccountRecoveryUserSettingEntityService';`,
      `export { default as DecryptMessageService } from '${page}/service/crypto/decryptMessageService';`,
      `export { default as DecryptPrivateKeyService } from '${page}/service/crypto/decryptPrivateKeyService';`,
      `export { default as DecryptPrivateKeyPasswordDataService } from '${page}/service/accountRecovery/decryptPrivateKeyPasswordDataService';`,
      `export { default as DecryptResponseDataService } from '${page}/service/accountRecovery/decryptResponseDataService';`,
      `export { default as RevokeGpgKeyService } from '${page}/service/crypto/revokeGpgKeyService';`,
      `export { default as PasswordEntity } from 'passbolt-styleguide/src/shared/models/entity/accountRecovery/accountRecoveryPrivateKeyPasswordEntity';`,
      `export * as openpgp from 'openpgp';`,
    ].join('\n'),
    resolveDir: here,
  },
  bundle: true, platform: 'browser', external: ['crypto', 'buffer'], format: 'cjs', outfile: fresh, logLevel: 'error',
  legalComments: 'none', loader: { '.js': 'jsx', '.svg': 'empty', '.css': 'empty' },
});

if (existsSync(fresh)) renameSync(fresh, bundle); // Whole, or not there: others may be starting too.

const browsers = new Map();
const answers = new Map();

function browserOf(name) {
  if (!browsers.has(name)) {
    const thread = new Worker(join(here, 'browser.mjs'), { workerData: { extension: bundle } });
    thread.on('message', (outcome) => {
      answers.get(outcome.call)?.(outcome);
      answers.delete(outcome.call);
    });
    thread.on('error', (e) => {
      for (const answer of answers.values()) answer({ error: { name: 'browser', message: `${name} crashed: ${e.stack ?? e}` } });
    });
    browsers.set(name, thread);
  }
  return browsers.get(name);
}

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const call = JSON.parse(line);
    let outcome;
    if (call.op === 'close') {
      await browsers.get(call.browser)?.terminate();
      browsers.delete(call.browser);
      outcome = { value: null };
    } else {
      outcome = await new Promise((resolve) => {
        answers.set(call.call, resolve);
        browserOf(call.browser ?? 'one').postMessage(call);
      });
    }
    process.stdout.write(JSON.stringify({ ...outcome, call: call.call }) + '\n');
  })
  .on('close', () => process.exit(0));
