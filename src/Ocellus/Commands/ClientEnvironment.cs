using System.Collections;
using System.Text.Json.Nodes;

namespace Ocellus.Commands;

/// <summary>Shells that <c>ocellus env</c> writes for, by the words of its option.</summary>
internal enum ShellKind
{
    /// <summary>sh, bash, zsh, dash.</summary>
    Sh,
    Fish,
    PowerShell,
}

/// <summary>
/// The environment variables that lead AWS clients to a server of ours and nowhere else: those that are set, and those that are unset because they would lead
/// to AWS, or bring a person's own keys along.
/// </summary>
internal sealed class ClientEnvironment
{
    private const string ServicePrefix = "AWS_ENDPOINT_URL_";

    /// <summary>
    /// Keys, profiles, roles and tokens come before a credentials file. Service-specific endpoints come before AWS_ENDPOINT_URL, and one setting makes
    /// clients ignore it. FIPS and dual-stack endpoints are refused beside it.
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

    /// <summary>Names under which programs look for a proxy; what is asked over http goes there, loopback too.</summary>
    private static readonly string[] _proxies = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

    private ClientEnvironment(IReadOnlyList<(string Name, string Value)> set, IReadOnlyList<string> unset) => (Set, Unset) = (set, unset);

    public IReadOnlyList<(string Name, string Value)> Set { get; }

    public IReadOnlyList<string> Unset { get; }

    /// <summary>What leads to a server.</summary>
    /// <param name="url">Where it is.</param>
    /// <param name="credentials">Absolute path of an AWS shared-credentials file.</param>
    /// <param name="region">Region of that file.</param>
    /// <param name="now">The environment as it is.</param>
    public static ClientEnvironment Of(Uri url, string credentials, string region, IDictionary now)
    {
        List<(string, string)> set =
        [
            ("AWS_ENDPOINT_URL", url.AbsoluteUri.TrimEnd('/')),
            ("AWS_SHARED_CREDENTIALS_FILE", credentials),
            // A person's own file may name a role to take on, a program that gives keys, endpoints of services, or that endpoints are to be ignored.
            ("AWS_CONFIG_FILE", OperatingSystem.IsWindows() ? "NUL" : "/dev/null"),
            ("AWS_REGION", region),
            ("AWS_DEFAULT_REGION", region),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        if (_proxies.Any(p => now[p] is string { Length: > 0 }))
        {
            // Both are read, by some programs the one and by some the other.
            string?[] direct = [now["no_proxy"] as string, now["NO_PROXY"] as string, url.Host.Trim('[', ']')];
            var apart = string.Join(',', direct.Where(t => !string.IsNullOrEmpty(t)).Distinct(StringComparer.Ordinal));
            set.AddRange([("no_proxy", apart), ("NO_PROXY", apart)]);
        }

        // Endpoints of other services lead to AWS as well. No service has a name that a shell would take for more than a name.
        var services = now.Keys.Cast<string>()
            .Where(n => n.StartsWith(ServicePrefix, StringComparison.Ordinal) && n.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'));
        return new ClientEnvironment(set, [.. _unwanted.Concat(services.Order(StringComparer.Ordinal)).Distinct(StringComparer.Ordinal)]);
    }

    /// <summary>As commands of a shell. Any value arrives there as it is: quotes, spaces and line breaks too.</summary>
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

    /// <summary>One word of sh: nothing has a meaning between single quotes, and those stand outside.</summary>
    public static string QuoteForSh(string text) => $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    private static string QuoteForFish(string text) =>
        $"'{text.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("'", @"\'", StringComparison.Ordinal)}'";

    /// <summary>PowerShell takes typographic single quotes for quotes too.</summary>
    private static string QuoteForPowerShell(string text) =>
        $"'{string.Concat(text.Select(c => c is '\'' or (>= '\u2018' and <= '\u201B') ? $"{c}{c}" : $"{c}"))}'";
}
