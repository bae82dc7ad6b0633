using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Storage;
using Spectre.Console;

namespace Ocellus.Commands;

/// <summary><c>ocellus keys</c>: access keys of a server and what they may do. A running server sees every change at its next request.</summary>
internal static partial class KeysCommand
{
    public static Command Create() => new("keys", "Access keys: create, list, revoke, and set what each may do. A running server sees a change at once.")
    {
        CreateVerb(),
        ListVerb(),
        ShowVerb(),
        AttachVerb(),
        DetachVerb(),
        RevokeVerb(),
    };

    private static Command CreateVerb()
    {
        var name = Checked(
            "--name", "User that the key belongs to, as in arn:aws:iam::ACCOUNT:user/NAME.", "NAME", UserName(), "1 to 64 letters, digits and +=,.@_-");
        name.Required = true;
        var account = Checked("--account", "Account of the key: accounts share no projects, buckets or policies.", "ID", AccountId(), "twelve digits");
        account.DefaultValueFactory = _ => KeyRing.DefaultAccountId;
        var policy = new Option<string[]>("--policy")
        {
            Description = $"What the key may do: {string.Join(", ", ManagedPolicies.Names)}, or a file with a policy. May be given several times.",
            Required = true,
            HelpName = "POLICY",
        };
        var credentials = new Option<string?>("--credentials")
        {
            Description = "Also write the key to this AWS shared-credentials file, readable by its owner only.",
            HelpName = "FILE",
        };
        var region = new Option<string>("--region") { Description = "Region in that file.", DefaultValueFactory = _ => "us-east-1", HelpName = "REGION" };
        var (data, json) = Common();
        var command = new Command("create", "Creates an access key and shows its secret once.") { name, account, policy, credentials, region, data, json };
        command.Act(async (parsed, terminal, cancel) =>
        {
            var policies = parsed.GetValue(policy)!.Select(PolicyFile.Read).ToList();
            if (policies.Count > KeyCatalog.PoliciesMax || policies.DistinctBy(p => p.Name).Count() < policies.Count)
            {
                throw new CommandRefusedException(
                    $"A key takes up to {KeyCatalog.PoliciesMax} policies with different names; these are {string.Join(", ", policies.Select(p => p.Name))}.");
            }

            var file = parsed.GetValue(credentials) is { } path ? Path.GetFullPath(path) : null;
            if (file is not null && (Path.Exists(file) || !Directory.Exists(Path.GetDirectoryName(file))))
            {
                throw new CommandRefusedException(
                    $"{file} cannot be written: {(Path.Exists(file) ? "it already exists, and a key in use may be in it" : "its folder does not exist")}.");
            }

            using var folder = Attach(parsed.GetValue(data)!);
            var keys = new KeyCatalog(folder, TimeProvider.System);
            var created = await keys.CreateAsync(parsed.GetValue(name)!, parsed.GetValue(account)!, policies, isDefault: false, cancel);
            await WriteAsync(file, created, parsed.GetValue(region)!, keys);
            Show(created, policies, file, parsed.GetValue(json), terminal);
            return ExitCodes.Done;
        });
        return command;
    }

    private static Command ListVerb()
    {
        var (data, json) = Common();
        var command = new Command("list", "Shows the keys and the names of their policies, never a secret.") { data, json };
        command.Act(async (parsed, terminal, cancel) =>
        {
            using var folder = Attach(parsed.GetValue(data)!);
            var keys = await new KeyCatalog(folder, TimeProvider.System).ListAsync(cancel);
            if (parsed.GetValue(json))
            {
                terminal.Json(new JsonObject { ["keys"] = new JsonArray([.. keys.Select(k => Describe(k, withDocuments: false))]) });
                return ExitCodes.Done;
            }

            var table = new Table().Border(TableBorder.Rounded).AddColumns("Access key", "User", "Account", "Policies", "Created");
            foreach (var key in keys)
            {
                table.AddRow(
                    new Text(key.AccessKeyId), new Text(key.UserName), new Text(key.AccountId), new Text(Names(key.Policies)), new Text(Date(key) ?? "–"));
            }

            terminal.Result(table);
            return ExitCodes.Done;
        });
        return command;
    }

    private static Command ShowVerb()
    {
        var key = KeyArgument();
        var (data, json) = Common();
        var command = new Command("show", "Shows one key with the text of its policies, always as JSON.") { key, data, json };
        command.Act(async (parsed, terminal, cancel) =>
        {
            using var folder = Attach(parsed.GetValue(data)!);
            terminal.Json(Describe(await FindAsync(new KeyCatalog(folder, TimeProvider.System), parsed.GetValue(key)!, cancel), withDocuments: true));
            return ExitCodes.Done;
        });
        return command;
    }

    private static Command AttachVerb()
    {
        var policy = new Option<string>("--policy")
        {
            Description = $"{string.Join(", ", ManagedPolicies.Names)}, or a file; one of the same name is replaced.",
            Required = true,
            HelpName = "POLICY",
        };
        return Change("attach", "Attaches a policy to a key, in addition to those that it has.", policy, async (keys, key, word, cancel) =>
        {
            var named = PolicyFile.Read(word);
            await keys.AttachAsync(key.AccessKeyId, named, cancel);
            return $"{named.Name} is attached to {key.AccessKeyId} ({key.UserName}).";
        });
    }

    private static Command DetachVerb()
    {
        var policy = new Option<string>("--policy") { Description = "Name of the policy, as `keys list` shows it.", Required = true, HelpName = "NAME" };
        return Change("detach", "Detaches a policy from a key.", policy, async (keys, key, word, cancel) =>
        {
            await keys.DetachAsync(key.AccessKeyId, word, cancel);
            return $"{word} is detached from {key.AccessKeyId} ({key.UserName}).";
        });
    }

    private static Command RevokeVerb() => Change("revoke", "Removes a key: it is unknown from the next request on.", null, async (keys, key, _, cancel) =>
    {
        await keys.RevokeAsync(key.AccessKeyId, cancel);
        return $"{key.AccessKeyId} ({key.UserName}) is "
            + $"revoked.{(key.IsDefault ? " It was the key of the data directory's credentials file, which no longer works." : "")}";
    });

    private static Command Change(
        string verb, string description, Option<string>? option, Func<KeyCatalog, KeyDescription, string, CancellationToken, Task<string>> change)
    {
        var key = KeyArgument();
        var (data, json) = Common();
        var command = new Command(verb, description) { key, data, json };
        if (option is not null)
        {
            command.Add(option);
        }

        command.Act(async (parsed, terminal, cancel) =>
        {
            using var folder = Attach(parsed.GetValue(data)!);
            var keys = new KeyCatalog(folder, TimeProvider.System);
            var found = await FindAsync(keys, parsed.GetValue(key)!, cancel);
            var done = await change(keys, found, option is null ? "" : parsed.GetValue(option)!, cancel);
            if (parsed.GetValue(json))
            {
                var now = (await keys.ListAsync(cancel)).FirstOrDefault(k => k.AccessKeyId == found.AccessKeyId);
                terminal.Json(now is null ? new JsonObject { ["accessKeyId"] = found.AccessKeyId, ["revoked"] = true } : Describe(now, withDocuments: false));
            }
            else
            {
                terminal.Result(done);
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static Argument<string> KeyArgument() => new("KEY") { Description = "Access key id, or the name of a user who has one key." };

    private static (Option<string> Data, Option<bool> Json) Common()
    {
        var data = ServeCommand.DataOption(ServeCommand.DataDefault);
        data.Description = "Data directory of the server, which may be running.";
        return (data, new Option<bool>("--json") { Description = "Write the result as one JSON object." });
    }

    private static Option<string> Checked(string name, string description, string help, Regex form, string right)
    {
        var option = new Option<string>(name) { Description = description, HelpName = help };
        return option.Refusing((text, _) => form.IsMatch(text) ? null : $"{name} '{Readable.Truncate(text)}' must be {right}.");
    }

    /// <summary>Opens the data directory of a server that may be running.</summary>
    /// <exception cref="CommandRefusedException">It is none.</exception>
    internal static DataDirectory Attach(string path)
    {
        try
        {
            return DataDirectory.Attach(path, ServeCommand.ReadDatabase());
        }
        catch (InvalidOperationException refusal)
        {
            throw new CommandRefusedException(refusal.Message);
        }
    }

    /// <summary>A key by its id, or by the name of a user who has one.</summary>
    /// <exception cref="CommandRefusedException">There is none, or the user has several.</exception>
    internal static async Task<KeyDescription> FindAsync(KeyCatalog keys, string word, CancellationToken cancel)
    {
        var found = (await keys.ListAsync(cancel)).Where(k => k.AccessKeyId == word || k.UserName == word).ToList();
        return found switch
        {
            [var one] => one,
            [] =>
                throw new CommandRefusedException(
                    $"There is no access key and no user '{Readable.Truncate(word)}'; `ocellus keys list` shows those that exist."),
            _ =>
                throw new CommandRefusedException(
                    $"'{Readable.Truncate(word)}' has {found.Count} keys; name one: "
                        + $"{string.Join(", ", found.Select(k => $"{k.AccessKeyId} of account {k.AccountId}"))}."),
        };
    }

    private static async Task WriteAsync(string? file, AccessKey created, string region, KeyCatalog keys)
    {
        if (file is null)
        {
            return;
        }

        try
        {
            KeyRing.WriteCredentials(file, created, region, overwrite: false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // A key whose secret no one knows must not stay.
            await keys.RevokeAsync(created.AccessKeyId, CancellationToken.None);
            throw new CommandRefusedException($"{file} cannot be written, and no key was created: {failure.Message}");
        }
    }

    private static void Show(AccessKey created, IReadOnlyList<NamedPolicy> policies, string? file, bool json, Terminal terminal)
    {
        if (json)
        {
            terminal.Json(new JsonObject
            {
                ["accessKeyId"] = created.AccessKeyId,
                ["secretAccessKey"] = created.SecretAccessKey,
                ["name"] = created.UserName,
                ["account"] = created.AccountId,
                ["policies"] = new JsonArray([.. policies.Select(p => (JsonNode)p.Name)]),
                ["credentials"] = file,
            });
            return;
        }

        terminal.Result($"aws_access_key_id     = {created.AccessKeyId}\naws_secret_access_key = {created.SecretAccessKey}");
        terminal.Remark($"For {created.UserName} of account {created.AccountId}, allowed: {Names(policies)}. The secret is not shown again.");
        if (file is not null)
        {
            terminal.Remark($"{file} has it too: export AWS_SHARED_CREDENTIALS_FILE={file}");
        }
    }

    private static JsonObject Describe(KeyDescription key, bool withDocuments) => new()
    {
        ["accessKeyId"] = key.AccessKeyId,
        ["name"] = key.UserName,
        ["account"] = key.AccountId,
        ["arn"] = key.UserArn,
        ["created"] = Date(key),
        ["policies"] = new JsonArray(
            [.. key.Policies.Select(p => withDocuments ? new JsonObject { ["name"] = p.Name, ["document"] = JsonNode.Parse(p.Document) } : (JsonNode)p.Name)]),
    };

    private static string Names(IReadOnlyList<NamedPolicy> policies) => policies.Count == 0 ? "nothing" : string.Join(", ", policies.Select(p => p.Name));

    private static string? Date(KeyDescription key) => key.Created?.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\A[A-Za-z0-9_+=,.@-]{1,64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex UserName();

    [GeneratedRegex(@"\A[0-9]{12}\z", RegexOptions.CultureInvariant)]
    private static partial Regex AccountId();
}
