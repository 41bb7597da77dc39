// Runs the calls of Ory's own clients, unmodified, for the tests. Every line on standard input is one call as JSON, every line on
// standard output its outcome: {"call":n,"value":{status,body,headers}} or {"call":n,"error":{code,message,body:{body,headers}}}.
//   {"client":"client"|"kratos"|"fetch","api":"IdentityApi","method":"getIdentity","args":[{…}],"base":"http://…","token":"…"}
// With "redirects": false the client does not follow them. Every client is given the token as its package takes it.
'use strict';
const oryClient = require('@ory/client');
const kratosClient = require('@ory/kratos-client');
const fetchClient = require('@ory/client-fetch');

const dates = (body) => (body === undefined ? null : JSON.parse(JSON.stringify(body)));

async function run(call) {
  const args = call.args?.length ? call.args : [{}];
  switch (call.client) {
    case 'client':
    case 'kratos': {
      const { Configuration, [call.api]: Api } = call.client === 'client' ? oryClient : kratosClient;
      const key = call.client === 'client' ? { accessToken: call.token } : { apiKey: call.token };
      const baseOptions = call.redirects === false ? { maxRedirects: 0 } : {};
      const api = new Api(new Configuration({ basePath: call.base, ...key, baseOptions }));
      const answer = await api[call.method](...args);
      return { status: answer.status, body: dates(answer.data), headers: { ...answer.headers } };
    }
    case 'fetch': {
      const { Configuration, [call.api]: Api } = fetchClient;
      const fetchApi = call.redirects === false ? (url, init) => fetch(url, { ...init, redirect: 'manual' }) : undefined;
      const api = new Api(new Configuration({ basePath: call.base, accessToken: call.token, fetchApi }));
      const answer = await api[`${call.method}Raw`](...args);
      const body = answer.raw.status === 204 ? null : dates(await answer.value());
      return { status: answer.raw.status, body, headers: Object.fromEntries(answer.raw.headers) };
    }
    default:
      throw new Error(`no such client: ${call.client}`);
  }
}

// What a client throws when the server refuses, however it wraps it.
async function refusal(error) {
  const response = error.response;
  if (!response) return { name: error.name ?? 'thrown', code: null, message: `${error.message ?? error} ${error.cause?.message ?? ''}`, body: null };
  const text = typeof response.text === 'function' ? await response.text() : null;
  const parsed = () => { try { return JSON.parse(text); } catch { return text; } };
  return {
    name: error.name, code: response.status, message: error.message,
    body: {
      body: text === null ? response.data ?? null : parsed(),
      headers: text === null ? { ...response.headers } : Object.fromEntries(response.headers),
    },
  };
}

require('readline').createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const call = JSON.parse(line);
    let outcome;
    try {
      outcome = { value: await run(call) };
    } catch (e) {
      outcome = { error: await refusal(e) };
    }
    process.stdout.write(JSON.stringify({ call: call.call, ...outcome }) + '\n');
  })
  .on('close', () => process.exit(0));
