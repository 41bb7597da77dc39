// A receiver of webhooks that verifies what it gets with the package `standardwebhooks`. A line of JSON in is a call, one out its outcome:
// {"op":"listen"} -> port; {"op":"secret","secret":s}; {"op":"now","at":ms or "sender"}; {"op":"behave","as":mode} with ok, down, gone, redirect, slow, garbage or busy;
// {"op":"received"} -> every request so far; {"op":"forget"}.
'use strict';
const http = require('http');
const { Webhook } = require('standardwebhooks');

let secret = null;
let mode = 'ok';
let requests = [];
let now = null;

// The server's clock is the test's; a receiver refuses what is older than five minutes on its own.
const realNow = Date.now;
Date.now = () => now ?? realNow();
let followsSender = false;

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const body = Buffer.concat(parts).toString('utf8');
    let verified = null;
    if (followsSender) now = Number(request.headers['webhook-timestamp']) * 1000;
    try {
      verified = secret ? new Webhook(secret).verify(body, request.headers) !== undefined : null;
    } catch (error) {
      verified = false;
    }
    requests.push({ path: request.url, method: request.method, headers: request.headers, body, verified });
    answer(response);
  });
});

function answer(response) {
  switch (mode) {
    case 'down': response.writeHead(500); return response.end('broken');
    case 'gone': response.writeHead(410); return response.end();
    case 'busy': response.writeHead(429, { 'retry-after': '600' }); return response.end();
    case 'redirect': response.writeHead(302, { location: '/elsewhere' }); return response.end();
    case 'garbage': response.socket.end('what?\r\n\r\n'); return undefined;
    case 'slow': return undefined; // Never.
    default: response.writeHead(204); return response.end();
  }
}

const calls = {
  listen: () => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port))),
  now: (call) => { followsSender = call.at === 'sender'; now = followsSender ? null : call.at; return true; },
  secret: (call) => { secret = call.secret; return true; },
  behave: (call) => { mode = call.as; return true; },
  received: () => requests,
  forget: () => { requests = []; return true; },
};

require('readline').createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const call = JSON.parse(line);
    process.stdout.write(JSON.stringify({ call: call.call, value: await calls[call.op](call) }) + '\n');
  })
  .on('close', () => process.exit(0));
