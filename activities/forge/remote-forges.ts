import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { Credentials } from './credentials.ts';
import { createGiteaAccess } from './gitea/access.ts';
import { giteaDialect } from './gitea/dialect.ts';
import { createGithubAccess } from './github/access.ts';
import type { Apps } from './github/apps.ts';
import { githubDialect } from './github/dialect.ts';
import type { ForgeAccess } from './rest/access.ts';
import type { Dialect } from './rest/dialect.ts';

/** Forges that are asked over HTTP. */
export type RemoteForge = Exclude<PlannedRepository['forge'], 'local'>;

export type RemoteForges = Record<RemoteForge, { access: ForgeAccess; dialect: Dialect }>;

export function createRemoteForges(deps: { credentials: Credentials; apps: Apps }): RemoteForges {
  return {
    gitea: { access: createGiteaAccess(deps), dialect: giteaDialect },
    github: { access: createGithubAccess(deps), dialect: githubDialect },
  };
}
