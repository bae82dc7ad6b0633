using Microsoft.Extensions.Options;

namespace Ocellus.Settings;

/// <summary>A section of the configuration, and the class that it is read into.</summary>
internal sealed record SettingsSection(string Path, Type Type);

/// <summary>Registers the sections of settings.</summary>
internal static class SettingsRegistration
{
    /// <summary>Reads a section into a class. A value that is not valid stops the server at start and names the setting.</summary>
    public static IServiceCollection AddSettings<T>(this IServiceCollection services, string section)
        where T : class
    {
        Duration.UseForSettings();
        services.AddOptionsWithValidateOnStart<T>().BindConfiguration(section);
        return services
            .AddSingleton<IValidateOptions<T>>(new SettingsValidation<T>(section))
            .AddSingleton(new SettingsSection(section, typeof(T)));
    }
}
