using System.CommandLine;
using System.Text.Json.Nodes;
using Ocellus.Refusals;
using Ocellus.Training.Job;
using Ocellus.Transfer;
using Ocellus.Wire;

namespace Ocellus.Commands;

/// <summary><c>ocellus pull</c>: projects of AWS or of another Ocellus, brought to this server.</summary>
internal static class PullCommand
{
    /// <summary>What <c>--from</c> says for AWS.</summary>
    private const string Aws = "aws";

    private sealed record Choice(
        string From, string? FromData, string? FromRegion, string? Profile, IReadOnlyList<string> Projects, bool All, bool Train, PullOptions Options,
        bool Json);

    public static Command Create()
    {
        var from = new Option<string>("--from")
        {
            Description = "Where the projects are: aws, or the address of another Ocellus.",
            Required = true,
            HelpName = "aws|URL",
        };
        from.Refusing((_, text) => text == Aws ? null : ServerOptions.Mistake("--from", text));
        var profile = new Option<string?>("--profile") { Description = "Profile of the AWS files with the key for --from.", HelpName = "NAME" };
        var fromData = new Option<string?>("--from-data") { Description = "Data directory of the other Ocellus, for its credentials.", HelpName = "DIR" };
        var fromRegion = new Option<string?>("--from-region")
        {
            Description = "Region of the projects; that of the profile or the environment.",
            HelpName = "REGION",
        };
        fromRegion.Refusing((text, _) => Regions.IsName(text!) ? null : $"--from-region '{text}' is not a region, such as us-east-1.");
        var projects = new Option<string[]>("--project") { Description = "Name of a project; may be given several times.", HelpName = "NAME" };
        var all = new Option<bool>("--all") { Description = "All projects of the account and region." };
        var rename = new Option<string?>("--as") { Description = "Name of the project here, for one project.", HelpName = "NAME" };
        var bucket = new Option<string?>("--bucket") { Description = "Bucket here for all pictures, instead of buckets of the same names.", HelpName = "NAME" };
        var update = new Option<bool>("--update")
        {
            Description = "Replace entries and policies that differ here, and objects that stand where a picture belongs.",
        };
        var without = new Option<bool>("--no-pictures") { Description = "Leave the pictures where they are; bring entries only." };
        var noModels = new Option<bool>("--no-models") { Description = "Leave the models of another Ocellus where they are." };
        var train = new Option<bool>("--train") { Description = "Start a training of each project here, for models whose weights do not come." };
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var server = new ServerOptions("the server to bring them to", "--to-profile");
        var command = new Command(
            "pull", "Brings projects of AWS, or of another Ocellus, to a server: datasets, pictures, tags, policies, and models of an Ocellus.")
        {
            from, profile, fromData, fromRegion, projects, all, rename, bucket, update, without, noModels, train, json,
        };
        foreach (var option in server.All)
        {
            command.Add(option);
        }

        command.Act((parsed, terminal, cancel) => Resumable.RunAsync(terminal, () => RunAsync(
            new(
                parsed.GetValue(from)!, parsed.GetValue(fromData), parsed.GetValue(fromRegion), parsed.GetValue(profile), parsed.GetValue(projects) ?? [],
                parsed.GetValue(all), parsed.GetValue(train),
                new(parsed.GetValue(rename), parsed.GetValue(bucket), parsed.GetValue(update), !parsed.GetValue(without), !parsed.GetValue(noModels)),
                parsed.GetValue(json)),
            () => server.Resolve(parsed), terminal, cancel), cancel));
        return command;
    }

    private static async Task<int> RunAsync(Choice choice, Func<ServiceEndpoint> server, Terminal terminal, CancellationToken cancel)
    {
        Check(choice);
        var source = choice.From == Aws ? PullSources.Aws(choice.Profile, choice.FromRegion)
            : PullSources.Other(choice.From, choice.FromData, choice.Profile, choice.FromRegion);
        var target = server();
        if (source.Api == target.Api && source.Region == target.Region)
        {
            throw new CommandRefusedException(
                $"--from and the server to bring projects to are the same, {target.Name}; name the other one with --url or --data.");
        }

        using var from = new ServiceClient(source);
        using var to = new ServiceClient(target);
        var found = await FindAsync(from, choice, cancel);
        // Before anything is read at length: is the server there, and does it take the key?
        await to.CallAsync("DescribeProjects", new JsonObject { ["MaxResults"] = 1 }, cancel);
        List<PulledProject> pulled = [];
        await terminal.ShowAsync(async progress =>
        {
            var pull = new ProjectPull(from, to, choice.Options, (what, step, steps) => progress.Report(new JobProgress(what, step, steps, null, null)));
            foreach (var project in found)
            {
                pulled.Add(await pull.RunAsync(project, cancel));
            }

            return true;
        });
        foreach (var project in pulled.Where(_ => choice.Train))
        {
            await PullTraining.StartAsync(to, project, cancel);
        }

        if (choice.Json)
        {
            terminal.Json(new JsonObject { ["from"] = source.Name, ["projects"] = new JsonArray([.. pulled.Select(p => p.ToJson())]) });
            return ExitCodes.Done;
        }

        pulled.ForEach(p => PullReport.Show(p, source, terminal));
        return ExitCodes.Done;
    }

    private static void Check(Choice choice)
    {
        if (choice.Projects.Count == 0 == !choice.All)
        {
            throw new CommandRefusedException("Name the projects with --project NAME, or take all with --all.");
        }

        if (choice.Options.As is not null && choice.Projects.Count != 1)
        {
            throw new CommandRefusedException("--as names one project; give --project once beside it.");
        }

        if (choice.From == Aws && choice.FromData is not null)
        {
            throw new CommandRefusedException("--from-data is for another Ocellus; keys of AWS come from --profile or the environment.");
        }
    }

    private static async Task<IReadOnlyList<FoundProject>> FindAsync(ServiceClient from, Choice choice, CancellationToken cancel)
    {
        if (choice.All)
        {
            var all = await ProjectFinder.ListAsync(from, cancel).ToListAsync(cancel);
            return all.Count > 0 ? all : throw new CommandRefusedException($"{from.Endpoint.Name} has no projects in {from.Endpoint.Region}.");
        }

        List<FoundProject> found = [];
        foreach (var name in choice.Projects.Distinct(StringComparer.Ordinal))
        {
            if (await ProjectFinder.FindAsync(from, name, cancel) is { } project)
            {
                found.Add(project);
                continue;
            }

            var others = await ProjectFinder.ListAsync(from, cancel).Select(p => p.Name).Take(20).ToListAsync(cancel);
            var known = others.Count == 0 ? "It has none at all there; --from-region names another region." : $"It has {string.Join(", ", others)}.";
            throw new CommandRefusedException($"{from.Endpoint.Name} has no project '{name}' in {from.Endpoint.Region}. {known}");
        }

        return found;
    }
}
