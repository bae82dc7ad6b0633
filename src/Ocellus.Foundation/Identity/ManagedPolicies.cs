using Ocellus.Refusals;

namespace Ocellus.Identity;

/// <summary>A policy and the name it is attached under.</summary>
internal sealed record NamedPolicy(string Name, string Document)
{
    /// <exception cref="RefusedException">MalformedPolicy: names what is not understood, or what no request can ever meet.</exception>
    public static NamedPolicy Of(string name, string document)
    {
        var policy = IdentityPolicy.Parse(document);
        return policy.Unreachable is { } reason ? throw PolicyJson.Malformed(reason) : new(name, policy.Document);
    }
}

/// <summary>The policies that come with the product: the files of <c>Access/Policies</c>.</summary>
internal static class ManagedPolicies
{
    /// <summary>Everything in the account.</summary>
    public const string Administrator = "administrator";

    /// <summary>In order of what they allow, the most first.</summary>
    public static IReadOnlyList<string> Names { get; } = [Administrator, "trainer", "inference"];

    /// <summary>The policy of a name of <see cref="Names"/>.</summary>
    public static NamedPolicy Get(string name)
    {
        using var stream = typeof(ManagedPolicies).Assembly.GetManifestResourceStream($"policy.{name}.json")
            ?? throw new ArgumentException($"There is no managed policy {name}.", nameof(name));
        using var reader = new StreamReader(stream);
        return NamedPolicy.Of(name, reader.ReadToEnd());
    }
}
