import { createLog } from '../../workers/log.ts';
import { installRuntime } from '../../workers/runtime.ts';

/** Workers say only what is wrong; their every start and stop would bury the tests' own words. */
installRuntime(createLog({ level: 'warn' }));
