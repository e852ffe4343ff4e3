#!/usr/bin/env node
/** The command `mission`. In a fresh clone it first installs and builds what is missing. */
import { prepare } from './bootstrap.mjs';

process.setSourceMapsEnabled(true);
await prepare();
await import(new URL('../dist/mission.js', import.meta.url).href);
