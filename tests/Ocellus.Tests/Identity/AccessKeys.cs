using Ocellus.Identity;
using Ocellus.Storage;

namespace Ocellus.Tests.Identity;

/// <summary>Keys of a running test server, made as <c>ocellus keys</c> makes them: beside the server, on its data directory.</summary>
internal static class AccessKeys
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Makes a key.</summary>
    /// <param name="server">The running server.</param>
    /// <param name="name">User that it stands for.</param>
    /// <param name="policies">Names of managed policies, or statements: the text between the brackets of Statement.</param>
    public static Task<Signer> KeyAsync(this TestServer server, string name, params string[] policies) =>
        server.KeyAsync(name, KeyRing.DefaultAccountId, policies);

    public static async Task<Signer> KeyAsync(this TestServer server, string name, string account, string[] policies)
    {
        using var data = TestDatabase.Attach(server.DataPath);
        var made = await new KeyCatalog(data, TimeProvider.System).CreateAsync(name, account, [.. policies.Select(Named)], isDefault: false, Cancel);
        return new(made.AccessKeyId, made.SecretAccessKey);
    }

    public static async Task AttachAsync(this TestServer server, Signer key, string policy)
    {
        using var data = TestDatabase.Attach(server.DataPath);
        await new KeyCatalog(data, TimeProvider.System).AttachAsync(key.AccessKeyId, Named(policy, 99), Cancel);
    }

    public static async Task RevokeAsync(this TestServer server, Signer key)
    {
        using var data = TestDatabase.Attach(server.DataPath);
        await new KeyCatalog(data, TimeProvider.System).RevokeAsync(key.AccessKeyId, Cancel);
    }

    /// <summary>Calls an operation with another key than the server's first.</summary>
    public static Task<ApiAnswer> CallAsync(this TestServer server, Signer key, string operation, string json) =>
        server.CallAsync(operation, System.Text.Encoding.UTF8.GetBytes(json), key);

    public static Task<HttpResponseMessage> SendS3Async(
        this TestServer server, Signer key, HttpMethod method, string path, string query = "", IEnumerable<(string, string)>? headers = null,
        byte[]? body = null) =>
        server.SendS3Async(method, path, query, headers, body is null ? null : new ByteArrayContent(body), Signer.HashOf(body ?? []), key);

    public static string Document(string statements) => $$"""{"Version":"2012-10-17","Statement":[{{statements}}]}""";

    private static NamedPolicy Named(string policy, int number) =>
        policy.StartsWith('{') ? NamedPolicy.Of($"own-{number}", Document(policy)) : ManagedPolicies.Get(policy);
}
