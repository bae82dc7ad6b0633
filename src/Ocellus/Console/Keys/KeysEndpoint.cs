using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Ocellus.Console.Sessions;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;

namespace Ocellus.Console.Keys;

/// <summary>Access keys of the caller's account, for its administrators.</summary>
internal sealed partial class KeysEndpoint(KeyCatalog keys, Authorizer authorizer)
{
    /// <summary>No policy may name it, so only one that allows every action does, as <c>administrator</c>.</summary>
    private static readonly Permission _manage = new("ocellus:ManageKeys", Permission.NoResource);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/ui/api/keys", CreateAsync);
        routes.MapDelete("/ui/api/keys/{key}", RevokeAsync);
    }

    /// <summary>The keys of the caller's account.</summary>
    /// <exception cref="RefusedException">Denied: the caller is no administrator.</exception>
    public async Task<IReadOnlyList<KeyDescription>> ListAsync(Caller caller, CancellationToken cancel)
    {
        await RequireAdministratorAsync(caller, cancel);
        return [.. (await keys.ListAsync(cancel)).Where(k => k.AccountId == caller.AccountId)];
    }

    /// <exception cref="RefusedException">Denied: the caller's policies do not allow everything.</exception>
    public Task RequireAdministratorAsync(Caller caller, CancellationToken cancel) => authorizer.RequireAsync(caller, [_manage], cancel);

    private async Task CreateAsync(HttpContext http)
    {
        var caller = ConsoleSession.Of(http).Caller;
        await RequireAdministratorAsync(caller, http.RequestAborted);
        var wanted = await ConsoleBodies.ReadAsync(http, KeysJson.Default.NewKey);
        if (wanted.Name is null || !UserName().IsMatch(wanted.Name))
        {
            throw Refused.Invalid($"The user's name is '{Readable.Truncate(wanted.Name ?? "")}'; it has 1 to 64 letters, digits and _ + = , . @ -.");
        }

        if (wanted.Policy is null || !ManagedPolicies.Names.Contains(wanted.Policy))
        {
            throw Refused.Invalid($"The policy is '{Readable.Truncate(wanted.Policy ?? "")}'; it is one of {string.Join(", ", ManagedPolicies.Names)}.");
        }

        var made = await keys.CreateAsync(wanted.Name, caller.AccountId, [ManagedPolicies.Get(wanted.Policy)], isDefault: false, http.RequestAborted);
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(
            JsonSerializer.Serialize(new MadeKey(made.AccessKeyId, made.SecretAccessKey), KeysJson.Default.MadeKey), http.RequestAborted);
    }

    private async Task RevokeAsync(HttpContext http)
    {
        var caller = ConsoleSession.Of(http).Caller;
        var id = (string)http.Request.RouteValues["key"]!;
        if ((await ListAsync(caller, http.RequestAborted)).All(k => k.AccessKeyId != id))
        {
            throw Refused.NotFound($"The account has no access key {Readable.Truncate(id)}.");
        }

        await keys.RevokeAsync(id, http.RequestAborted);
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync("{}", http.RequestAborted);
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_+=,.@-]{1,64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex UserName();
}

/// <summary>A key to create.</summary>
internal sealed record NewKey(string? Name, string? Policy);

/// <summary>A created key; its secret is shown once.</summary>
internal sealed record MadeKey(string AccessKeyId, string SecretAccessKey)
{
    public override string ToString() => $"MadeKey {{ {AccessKeyId} }}";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(NewKey))]
[JsonSerializable(typeof(MadeKey))]
internal sealed partial class KeysJson : JsonSerializerContext;
