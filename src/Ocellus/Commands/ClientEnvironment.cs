using System.Collections;
using System.Text.Json.Nodes;

namespace Ocellus.Commands;

/// <summary>Shells that <c>ocellus env</c> writes for, named as in its option.</summary>
internal enum ShellKind
{
    /// <summary>sh, bash, zsh, dash.</summary>
    Sh,
    Fish,
    PowerShell,
}

/// <summary>
/// The environment variables that lead AWS clients to our server and nowhere else: those to set, and those to unset because they would lead to AWS or bring in
/// a person's own keys.
/// </summary>
internal sealed class ClientEnvironment
{
    private const string ServicePrefix = "AWS_ENDPOINT_URL_";

    /// <summary>
    /// Keys, profiles, roles and tokens override a credentials file. Service-specific endpoints override AWS_ENDPOINT_URL, and one setting makes clients ignore
    /// it. FIPS and dual-stack endpoints conflict with it.
    /// </summary>
    private static readonly string[] _unwanted =
    [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ACCESS_KEY", "AWS_SECRET_KEY",
        "AWS_CREDENTIAL_EXPIRATION", "AWS_CREDENTIAL_FILE", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
        "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT",
        ServicePrefix + "REKOGNITION", ServicePrefix + "S3", ServicePrefix + "STS",
    ];

    /// <summary>Variables that name a proxy for HTTP requests, including those to loopback.</summary>
    private static readonly string[] _proxies = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

    private ClientEnvironment(IReadOnlyList<(string Name, string Value)> set, IReadOnlyList<string> unset) => (Set, Unset) = (set, unset);

    public IReadOnlyList<(string Name, string Value)> Set { get; }

    public IReadOnlyList<string> Unset { get; }

    /// <summary>The variables that lead to a server.</summary>
    /// <param name="url">Its address.</param>
    /// <param name="credentials">Absolute path of an AWS shared-credentials file.</param>
    /// <param name="region">Region of that file.</param>
    /// <param name="now">The current environment.</param>
    public static ClientEnvironment Of(Uri url, string credentials, string region, IDictionary now)
    {
        List<(string, string)> set =
        [
            ("AWS_ENDPOINT_URL", url.AbsoluteUri.TrimEnd('/')),
            ("AWS_SHARED_CREDENTIALS_FILE", credentials),
            // A person's own file may name a role to assume, a credential process, endpoints of services, or that endpoints are ignored.
            ("AWS_CONFIG_FILE", OperatingSystem.IsWindows() ? "NUL" : "/dev/null"),
            ("AWS_REGION", region),
            ("AWS_DEFAULT_REGION", region),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        if (_proxies.Any(p => now[p] is string { Length: > 0 }))
        {
            // Some programs read the one, some the other.
            string?[] hosts = [now["no_proxy"] as string, now["NO_PROXY"] as string, url.Host.Trim('[', ']')];
            var exceptions = string.Join(',', hosts.Where(t => !string.IsNullOrEmpty(t)).Distinct(StringComparer.Ordinal));
            set.AddRange([("no_proxy", exceptions), ("NO_PROXY", exceptions)]);
        }

        // Endpoints of other services lead to AWS as well. Names that a shell could misread are no service's.
        var services = now.Keys.Cast<string>()
            .Where(n => n.StartsWith(ServicePrefix, StringComparison.Ordinal) && n.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'));
        return new ClientEnvironment(set, [.. _unwanted.Concat(services.Order(StringComparer.Ordinal)).Distinct(StringComparer.Ordinal)]);
    }

    /// <summary>As commands of a shell. Values arrive unchanged, including quotes, spaces and line breaks.</summary>
    public string ToCommands(ShellKind shell) => string.Join('\n', shell switch
    {
        ShellKind.Sh => [.. Set.Select(v => $"export {v.Name}={QuoteForSh(v.Value)}"), $"unset {string.Join(' ', Unset)}"],
        ShellKind.Fish => [.. Set.Select(v => $"set -gx {v.Name} {QuoteForFish(v.Value)}"), .. Unset.Select(n => $"set -e {n}")],
        ShellKind.PowerShell =>
        [
            .. Set.Select(v => $"$env:{v.Name} = {QuoteForPowerShell(v.Value)}"),
            $"Remove-Item -ErrorAction Ignore {string.Join(", ", Unset.Select(n => $"Env:{n}"))}",
        ],
    });

    public JsonObject ToJson() => new()
    {
        ["set"] = new JsonObject(Set.Select(v => KeyValuePair.Create(v.Name, (JsonNode?)v.Value))),
        ["unset"] = new JsonArray([.. Unset.Select(n => (JsonNode)n)]),
    };

    /// <summary>One word of sh: nothing is special between single quotes, and single quotes themselves go outside.</summary>
    public static string QuoteForSh(string text) => $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    private static string QuoteForFish(string text) =>
        $"'{text.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("'", @"\'", StringComparison.Ordinal)}'";

    /// <summary>PowerShell treats typographic single quotes as quotes too.</summary>
    private static string QuoteForPowerShell(string text) =>
        $"'{string.Concat(text.Select(c => c is '\'' or (>= '\u2018' and <= '\u201B') ? $"{c}{c}" : $"{c}"))}'";
}
