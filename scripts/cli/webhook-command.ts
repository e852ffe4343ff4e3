import { Command, Option } from 'commander';
import { WebhookRequest } from '../../schema/contracts/webhook.ts';
import { apiOf, examplesHelp, groups, mutation } from './command.ts';
import { show, Usage } from './output.ts';

const example = 'mission webhook add --repository https://git.example.org/me/greeter';

export function webhookCommand(): Command {
  return new Command('webhook')
    .description('Webhooks of forges')
    .helpGroup(groups.engine)
    .addHelpText('after', examplesHelp([example]))
    .addCommand(add());
}

interface Options {
  repository: string;
  url?: string;
  forge?: 'gitea' | 'github';
}

function add(): Command {
  return mutation(
    'add',
    'Have a forge tell the engine what happens, so that nothing waits for the next look',
    [
      example,
      `${example} --url https://missions.example.org`,
      'mission webhook add --repository https://github.example.org/me/greeter --forge github --json',
    ],
  )
    .requiredOption('--repository <url>', 'as a mission file names it')
    .option('--url <public>', 'where the forge reaches the engine; without it, where this command does')
    .addOption(
      new Option('--forge <forge>', 'which one it is; without it gitea, or github for github.com').choices([
        'gitea',
        'github',
      ]),
    )
    .addHelpText('after', '\nThe secret is webhookSecret in forges.yaml; where there is none, one is made.')
    .action(async ({ repository, url, forge }: Options, self: Command) => {
      const { api, json } = await apiOf(self);
      const wanted = { repository, url: url ?? api.url, ...(forge === undefined ? {} : { forge }) };
      const request = WebhookRequest.safeParse(wanted);
      if (!request.success) throw new Usage('--url must be an address like https://missions.example.org');
      const webhook = await api.addWebhook(request.data);
      const what = webhook.made ? 'made' : 'there already';
      show(webhook, () => [`the webhook of ${webhook.repository} to ${webhook.url} is ${what}`], json);
    });
}
