using System.ComponentModel.DataAnnotations;

namespace Ocellus.Console;

/// <summary>Settings of the console. Section <c>Ocellus:Console</c>; a wrong value stops the server at start and names the setting.</summary>
internal sealed class ConsoleOptions : IValidatableObject
{
    public const string Section = "Ocellus:Console";

    /// <summary>
    /// Host names under which browsers may reach the console, separated by spaces; none by default. Names of this machine, addresses and the hosts of
    /// <c>--urls</c> need not be named; that of a proxy in front of the server must.
    /// </summary>
    public string Hosts { get; set; } = "";

    /// <summary>The names one by one.</summary>
    public string[] AllHosts => Hosts.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        AllHosts.Where(name => Uri.CheckHostName(name) == UriHostNameType.Unknown)
            .Select(name => new ValidationResult($"{Section}:Hosts has '{name}'; a host is a name without scheme and port, such as ocellus.example.org."));
}
