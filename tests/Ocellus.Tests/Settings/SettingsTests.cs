using Microsoft.Extensions.Configuration;
using Ocellus.Hosting;
using Ocellus.Settings;
using Ocellus.Training;
using Ocellus.Wire;

namespace Ocellus.Tests.Settings;

public sealed class SettingsTests
{
    [Fact]
    public void A_value_out_of_range_is_told_with_its_setting_and_its_range()
    {
        var settings = new TrainingOptions { ParallelJobs = 99, TimeBudget = TimeSpan.FromSeconds(1) };
        Assert.Equal(
            [
                "The setting Ocellus:Training:ParallelJobs is 99; it must be between 1 and 16.",
                "The setting Ocellus:Training:TimeBudget is 00:00:01; it must be between 00:00:10 and 1.00:00:00.",
            ],
            new SettingsValidation<TrainingOptions>("Ocellus:Training").Validate(null, settings).Failures!.Order(StringComparer.Ordinal));
        Assert.True(new SettingsValidation<TrainingOptions>("Ocellus:Training").Validate(null, new()).Succeeded);
    }

    [Fact]
    public void A_sentence_of_our_own_stays_as_it_is() =>
        Assert.StartsWith(
            "Ocellus:Regions:More has 'A';",
            new SettingsValidation<RegionOptions>(RegionOptions.Section).Validate(null, new() { More = "A" }).Failures!.Single(), StringComparison.Ordinal);

    [Theory]
    [InlineData("ParallelJobs", "two", "The setting Ocellus:Training:ParallelJobs is 'two'; it takes a whole number.")]
    [InlineData("TimeBudget", "soon", "The setting Ocellus:Training:TimeBudget is 'soon'; it takes a time such as 10m, 600s, 1h30m or 00:10:00.")]
    [InlineData("Kernels", "cuda", "The setting Ocellus:Training:Kernels is 'cuda'; it takes Own or Libtorch.")]
    public void A_value_of_another_type_is_told_without_the_name_of_a_type(string name, string value, string sentence)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?> { ["Ocellus:Training:" + name] = value }).Build();
        var failure = Assert.Throws<InvalidOperationException>(() => configuration.GetSection("Ocellus:Training").Get<TrainingOptions>());
        Assert.Equal(sentence, SettingsType.Sentence(failure));
    }

    [Fact]
    public void Another_failure_is_not_taken_for_one_of_settings() => Assert.Null(SettingsType.Sentence(new InvalidOperationException("The disk is full.")));

    [Fact]
    public void A_setting_that_nothing_reads_is_found_with_the_one_that_was_meant()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(
            new Dictionary<string, string?>
            {
                ["Ocellus:Hosting:IdleStopMinute"] = "5",
                ["ocellus:hosting:wakeondetect"] = "true",
                ["Ocellus:Trainings:Threads"] = "1",
                ["Ocellus:Nothing:Near"] = "1",
                ["Other:Hosting"] = "1",
            }).Build();
        SettingsSection[] sections = [new("Ocellus:Hosting", typeof(HostingOptions)), new("Ocellus:Training", typeof(TrainingOptions))];

        Assert.Equal(
            [
                ("Ocellus:Hosting:IdleStopMinute", "Ocellus:Hosting:IdleStopMinutes"),
                ("Ocellus:Nothing:Near", null),
                ("Ocellus:Trainings:Threads", "Ocellus:Training:Threads"),
            ],
            UnknownSettings.Find(configuration, sections).OrderBy(f => f.Name, StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("10m", 600)]
    [InlineData("600s", 600)]
    [InlineData("1h", 3600)]
    [InlineData("1h30m", 5400)]
    [InlineData("1.5h", 5400)]
    [InlineData("2d", 172_800)]
    [InlineData("00:10:00", 600)]
    [InlineData("1.00:00:00", 86_400)]
    [InlineData("500ms", .5)]
    public void A_length_of_time_is_read_as_people_write_it(string text, double seconds)
    {
        Assert.True(Duration.TryParse(text, out var time));
        Assert.Equal(seconds, time.TotalSeconds);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["TimeBudget"] = text }).Build();
        Duration.UseForSettings();
        Assert.Equal(seconds, configuration.Get<TrainingOptions>()!.TimeBudget.TotalSeconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("m")]
    [InlineData("10 m")]
    [InlineData("10min")]
    [InlineData("30m1h")]
    [InlineData("1h1h")]
    [InlineData("-5m")]
    [InlineData("1e9d")]
    [InlineData("99999999999999d")]
    public void Anything_else_is_no_length_of_time(string text) => Assert.False(Duration.TryParse(text, out _));
}
