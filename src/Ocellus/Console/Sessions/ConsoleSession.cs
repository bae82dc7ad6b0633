using Ocellus.Identity;

namespace Ocellus.Console.Sessions;

/// <summary>
/// The signed-in user of a request to the console. Rights are read at each request, so a changed policy or a revoked key takes effect at once.
/// </summary>
/// <param name="Caller">The session's access key, and its region: what the operations and <see cref="Authorizer"/> take.</param>
/// <param name="Token">Must be sent with every change, in the header <see cref="TokenHeader"/> or the form field <see cref="TokenField"/>.</param>
internal sealed record ConsoleSession(Caller Caller, string Token)
{
    public const string TokenHeader = "X-Ocellus-Token";

    public const string TokenField = "token";

    public string Region => Caller.Region;

    /// <summary>The session of a request that has passed <see cref="ConsoleGate"/> to an endpoint that needs one.</summary>
    /// <exception cref="InvalidOperationException">The endpoint is marked with <see cref="OpenToAnyone"/>.</exception>
    public static ConsoleSession Of(HttpContext http) =>
        http.Features.Get<ConsoleSession>() ?? throw new InvalidOperationException($"{http.Request.Path} is open to anyone, so it has no session.");

    /// <summary>Omits the token.</summary>
    public override string ToString() => $"ConsoleSession {{ {Caller.AccessKeyId}, {Region} }}";
}

/// <summary>Metadata of an endpoint that needs no session.</summary>
internal sealed class OpenToAnyone
{
    public static OpenToAnyone Mark { get; } = new();
}
