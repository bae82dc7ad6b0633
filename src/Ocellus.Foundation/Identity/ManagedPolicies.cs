using Ocellus.Refusals;

namespace Ocellus.Identity;

/// <summary>A policy and the name under which it is attached.</summary>
internal sealed record NamedPolicy(string Name, string Document)
{
    /// <exception cref="RefusedException">MalformedPolicy: names what is not supported, or what no request can ever match.</exception>
    public static NamedPolicy Of(string name, string document)
    {
        var policy = IdentityPolicy.Parse(document);
        return policy.Unreachable is { } reason ? throw PolicyJson.Malformed(reason) : new(name, policy.Document);
    }
}

/// <summary>The built-in policies: the files of <c>Identity/Policies</c>.</summary>
internal static class ManagedPolicies
{
    /// <summary>Allows everything in the account.</summary>
    public const string Administrator = "administrator";

    /// <summary>Sorted by how much they allow, most first.</summary>
    public static IReadOnlyList<string> Names { get; } = [Administrator, "trainer", "inference"];

    /// <summary>The policy with one of the <see cref="Names"/>.</summary>
    public static NamedPolicy Get(string name)
    {
        using var stream = typeof(ManagedPolicies).Assembly.GetManifestResourceStream($"policy.{name}.json")
            ?? throw new ArgumentException($"There is no managed policy {name}.", nameof(name));
        using var reader = new StreamReader(stream);
        return NamedPolicy.Of(name, reader.ReadToEnd());
    }
}
