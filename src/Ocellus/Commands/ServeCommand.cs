using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;
using Ocellus.Hosting.Placement;
using Ocellus.Objects.External;
using Ocellus.Refusals;
using Ocellus.Settings;
using Ocellus.Storage;

namespace Ocellus.Commands;

/// <summary><c>ocellus serve</c>: the server.</summary>
internal static class ServeCommand
{
    public const string DataDefault = "ocellus-data";

    public const string UrlDefault = "http://127.0.0.1:8741";

    public static Command Create()
    {
        var data = DataOption(DataDefault);
        var urls = UrlsOption(UrlDefault);
        var logLevel = new Option<LogLevel>("--log-level")
        {
            Description = "Minimum level of the log on standard error.",
            DefaultValueFactory = _ => LogLevel.Information,
        };
        var store = StoreOption();
        var database = DatabaseOption();
        var (cluster, address) = (NodeOptions.Cluster(), NodeOptions.Address());
        var command = new Command("serve", "Serves the Custom Labels API and the S3-compatible object store on one port.")
        {
            data, urls, logLevel, store, database, cluster, address,
        };
        command.Act(
            (parsed, terminal, cancel) => RunAsync(
                parsed.GetValue(data)!, parsed.GetValue(urls)!, parsed.GetValue(logLevel), parsed.GetValue(database),
                new Dictionary<string, string?>
                {
                    [ExternalStoreOptions.EndpointSetting] = parsed.GetValue(store),
                    [DatabaseOptions.Setting] = parsed.GetValue(database),
                    [ClusterOptions.Section + ":" + nameof(ClusterOptions.Name)] = parsed.GetValue(cluster),
                    [ClusterOptions.Section + ":" + nameof(ClusterOptions.NodeAddress)] = parsed.GetValue(address),
                },
                terminal, cancel));
        return command;
    }

    public static Option<string> DataOption(string fallback) =>
        new("--data") { Description = "Folder that holds everything the server keeps.", DefaultValueFactory = _ => fallback, HelpName = "DIR" };

    public static Option<string?> StoreOption() => new("--s3-endpoint")
    {
        Description = "Address of an external S3-compatible store to use instead of the embedded one. Its keys come from Ocellus__S3__AccessKey and "
            + "Ocellus__S3__SecretKey in the environment.",
        HelpName = "URL",
    };

    public static Option<string?> DatabaseOption() => new("--database")
    {
        Description = "PostgreSQL to use instead of a file in the folder, as \"Host=…;Database=…;Username=…\". A password is better in Ocellus__Database in "
            + "the environment, or in a file: Passfile=….",
        HelpName = "SETTINGS",
    };

    public static Option<string> UrlsOption(string fallback)
    {
        var urls = new Option<string>("--urls")
        {
            Description = "Address to listen on; separate several with semicolons.",
            DefaultValueFactory = _ => fallback,
            HelpName = "URL",
        };
        return urls.Refusing((text, _) => Mistake(text));
    }

    /// <summary>What is wrong with an address to listen on; null if nothing is.</summary>
    internal static string? Mistake(string urls)
    {
        const string right = "it should look like http://127.0.0.1:8741";
        var parts = urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (parts.Length == 0)
        {
            return $"--urls is empty; {right}.";
        }

        foreach (var part in parts)
        {
            BindingAddress address;
            try
            {
                address = BindingAddress.Parse(part);
            }
            catch (FormatException)
            {
                return $"--urls '{part}' is not an address; {right}.";
            }

            if (address.Scheme.Equals(Uri.UriSchemeHttps, StringComparison.OrdinalIgnoreCase))
            {
                return $"--urls '{part}' asks for https, which Ocellus leaves to a proxy in front of it; {right}.";
            }

            if (!address.Scheme.Equals(Uri.UriSchemeHttp, StringComparison.OrdinalIgnoreCase) || address.PathBase.Length > 0 || address.Host.Length == 0)
            {
                return $"--urls '{part}' is not an http address without a path; {right}.";
            }

            if (address.Port is < 0 or > IPEndPoint.MaxPort)
            {
                return $"--urls '{part}' has port {address.Port}; ports go from 1 to {IPEndPoint.MaxPort}, and 0 takes a free one.";
            }
        }

        return null;
    }

    /// <summary>Opens a data directory.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="database">The database, if it is not in the folder.</param>
    /// <param name="terminal">For warnings.</param>
    /// <exception cref="CommandRefusedException">Another server holds it, or it cannot be used.</exception>
    public static DataDirectory Open(string path, DatabaseOptions? database, Terminal terminal)
    {
        try
        {
            var data = DataDirectory.Open(path, database);
            foreach (var warning in data.Warnings)
            {
                terminal.Remark($"Warning: {warning}");
            }

            return data;
        }
        catch (InvalidOperationException refusal)
        {
            throw new CommandRefusedException(refusal.Message);
        }
    }

    /// <summary>Starts a server and publishes its address.</summary>
    /// <exception cref="CommandRefusedException">The address cannot be listened on, or a part of the server does not start.</exception>
    public static async Task StartAsync(WebApplication app, DataDirectory data, string urls, CancellationToken cancel)
    {
        ServedAddress.Forget(data);
        try
        {
            await app.StartAsync(cancel);
        }
        catch (Exception failure) when (failure is SocketException or IOException { InnerException: AddressInUseException or SocketException })
        {
            var other = await ListeningAsync(urls) is { } address ? $"another Ocellus serves {address}" : failure.Message.TrimEnd('.');
            throw new CommandRefusedException($"{urls} cannot be listened on: {other}. Choose another address with --urls.");
        }
        catch (InvalidOperationException failure) when (SettingsType.Sentence(failure) is { } sentence)
        {
            throw new CommandRefusedException(sentence);
        }
        catch (Exception failure) when (failure is not OptionsValidationException && !cancel.IsCancellationRequested)
        {
            // A background service that fails at once stops the host, whose start then reports only a cancellation.
            CheckBackground(app);
            throw new CommandRefusedException($"The server could not start: {Reason(app, failure)}");
        }

        ServedAddress.Publish(app, data);
    }

    /// <summary>Which of the addresses a running Ocellus answers at; null if none.</summary>
    private static async Task<string?> ListeningAsync(string urls)
    {
        // No proxy: the address is this machine's own.
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(2) };
        foreach (var url in urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            try
            {
                var address = BindingAddress.Parse(url);
                var host = address.Host is "*" or "+" or "0.0.0.0" or "[::]" ? "127.0.0.1" : address.Host;
                if (await client.GetStringAsync($"http://{host}:{address.Port}/health/live") == Server.Live)
                {
                    return url;
                }
            }
            catch (Exception silent) when (silent is HttpRequestException or OperationCanceledException or UriFormatException)
            {
                // Something else listens there.
            }
        }

        return null;
    }

    /// <summary>Checks that no background service of a stopped server has failed.</summary>
    /// <exception cref="CommandRefusedException">One failed, and that stopped the server: its name and why.</exception>
    /// <remarks>.NET 10 then stops the host and reports success (dotnet/docs issue 52290).</remarks>
    public static void CheckBackground(WebApplication app)
    {
        foreach (var service in app.Services.GetServices<IHostedService>().OfType<BackgroundService>())
        {
            if (service.ExecuteTask is { IsFaulted: true, Exception: { } failure })
            {
                throw new CommandRefusedException(
                    $"The server has stopped because its background service {service.GetType().Name} failed: {Reason(app, failure.GetBaseException())} What "
                        + $"was accepted is kept.");
            }
        }
    }

    private static string Reason(WebApplication app, Exception failure)
    {
        var data = app.Services.GetRequiredService<DataDirectory>();
        var said = $"{failure.Message.TrimEnd('.')}.";
        return failure is System.Data.Common.DbException ? $"the database {data.Database.Name} reported {said}"
            + (data.Database.IsShared ? "" : $" 'ocellus doctor --data {data.Path}' checks it.")
            : failure is IOException or UnauthorizedAccessException or CommandRefusedException or InvalidOperationException ? said
            : $"{failure.GetType().Name}: {said}";
    }

    /// <summary>Builds a server.</summary>
    /// <exception cref="CommandRefusedException">The data directory's keys cannot be read.</exception>
    public static async Task<WebApplication> BuildAsync(
        DataDirectory data, string urls, LogLevel logLevel, IEnumerable<KeyValuePair<string, string?>> settings, CancellationToken cancel)
    {
        try
        {
            return await Server.BuildAsync(data, urls, logLevel, settings, cancel);
        }
        catch (InvalidOperationException refusal)
        {
            throw new CommandRefusedException(SettingsType.Sentence(refusal) ?? refusal.Message);
        }
    }

    /// <summary>The settings of the database, before a server is built.</summary>
    /// <param name="given">What the command line says.</param>
    /// <exception cref="CommandRefusedException">A setting is not of its type.</exception>
    public static DatabaseOptions ReadDatabase(string? given = null)
    {
        try
        {
            return DatabaseOptions.Read(given);
        }
        catch (InvalidOperationException refusal)
        {
            throw new CommandRefusedException(SettingsType.Sentence(refusal) ?? refusal.Message);
        }
    }

    /// <summary>The settings of an external store, for a verb without a server.</summary>
    /// <param name="given">The address that the command line says.</param>
    /// <exception cref="CommandRefusedException">They are not valid.</exception>
    public static ExternalStoreOptions ReadStore(string? given)
    {
        var store = DatabaseOptions.Configuration().GetSection(ExternalStoreOptions.Section).Get<ExternalStoreOptions>() ?? new();
        store.Endpoint = given ?? store.Endpoint;
        return store.Validate(new(store)).FirstOrDefault() is { } fault ? throw new CommandRefusedException(fault.ErrorMessage!) : store;
    }

    private static async Task<int> RunAsync(
        string path, string urls, LogLevel logLevel, string? database, Dictionary<string, string?> settings, Terminal terminal, CancellationToken cancel)
    {
        using var data = Open(path, ReadDatabase(database), terminal);
        await using var app = await BuildAsync(data, urls, logLevel, settings.Where(s => s.Value is not null), cancel);
        await StartAsync(app, data, urls, cancel);
        terminal.Result($"Ocellus serves {string.Join(' ', app.Urls)}\n  {EnvCommand.Hint(data.Path)}");
        await ConsoleCommand.ShowLinkAsync(app, data, "  Console:", terminal);
        terminal.Result("Ctrl-C stops it; requests under way are answered first.");
        foreach (var open in app.Urls.Where(u => !IsLoopback(u)))
        {
            terminal.Remark(
                $"Warning: {open} can be reached from other machines, and what is sent there is not encrypted; put a proxy with TLS in front of it.");
        }

        using var announced = app.Lifetime.ApplicationStopping.Register(
            () => terminal.Remark("Stopping: requests under way are answered, models are unloaded."));
        await app.WaitForShutdownAsync(cancel);
        CheckBackground(app);
        // Ctrl-C is the normal end of a server.
        return ExitCodes.Done;
    }

    /// <summary>Whether a listening address can be reached from this machine only.</summary>
    public static bool IsLoopback(string url)
    {
        var host = BindingAddress.Parse(url).Host;
        return host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
    }
}
