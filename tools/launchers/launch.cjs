#!/usr/bin/env node
/*
 * The first file that a shipped program runs: refuses a Node that is too old before anything native is loaded, then
 * starts the bundle of its own name. Written for any Node, however old. In a checkout it finds the Node that npm
 * brought; elsewhere it says what to do.
 */
'use strict';
var fs = require('fs');
var path = require('path');

var version = process.versions.node.split('.').map(Number);
var isNewEnough = version[0] > 24 || (version[0] === 24 && version[1] >= 15);
var programName = path.basename(__filename).replace(/\.cjs$/, '');

function runWithBroughtNode() {
  var brought = path.join(__dirname, '..', '..', 'node_modules', '.bin', 'node');
  if (!fs.existsSync(brought)) {
    process.stderr.write('error: ' + programName + ' needs Node 24.15 or newer; this is ' + process.version + '.\n');
    process.stderr.write('Install Node 24 from https://nodejs.org/en/download and run the command again.\n');
    process.exit(1);
  }
  var child = require('child_process').spawn(brought, [__filename].concat(process.argv.slice(2)), { stdio: 'inherit' });
  ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach(function (signal) {
    process.on(signal, function () {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  });
  child.on('error', function () {
    process.exit(1);
  });
  child.on('exit', function (code) {
    process.exit(code === null ? 1 : code);
  });
}

/* The vault's data directory, else the home of the product. */
function privateDirectory() {
  var at = process.argv.indexOf('--data');
  if (programName === 'sikkerkey-vault' && at > 0 && process.argv[at + 1]) return path.resolve(process.argv[at + 1]);
  return process.env.SIKKERKEY_HOME || path.join(require('os').homedir(), '.sikkerkey');
}

/*
 * Compiled code is kept in our private directory only: a cache below /tmp could be planted by another user. Never
 * creates the directory of the product itself, whose mode is somebody else's care.
 */
function keepCompiledCode() {
  var base = privateDirectory();
  var cache = path.join(base, 'cache');
  try {
    var found = fs.statSync(cache, { throwIfNoEntry: false });
    if (found === undefined) {
      if (!fs.existsSync(base)) return;
      fs.mkdirSync(cache, { mode: 448 });
      found = fs.statSync(cache);
    }
    if ((found.mode & 18) !== 0 || (process.getuid && found.uid !== process.getuid())) return;
    require('module').enableCompileCache(cache);
  } catch (error) {
    if (error.code === undefined) throw error;
  }
}

/*
 * A daemon does most when it starts, and then runs for months. Left alone, V8 keeps the young generation at the size that
 * the start made it: 40 of 166 MB with a thousand agents that have nothing to do.
 */
function keepHeapSmall() {
  require('v8').setFlagsFromString('--semi-space-growth-factor=1');
}

if (isNewEnough) {
  keepCompiledCode();
  if (programName === 'sikkerkeyd') keepHeapSmall();
  require('../' + programName + '.cjs');
} else {
  runWithBroughtNode();
}
