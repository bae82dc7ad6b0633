using Ocellus.Hosting.Placement;
using Ocellus.Projects;
using Ocellus.Refusals;

namespace Ocellus.Tests.Projects;

public sealed class HostingTagsTests
{
    private const string Own = "ocellus:idle-stop-minutes, ocellus:wake-on-detect, ocellus:plan, ocellus:max-answer-ms";

    [Theory]
    [InlineData("1", 1)]
    [InlineData("90", 90)]
    [InlineData("43200", 43200)]
    [InlineData("off", null)]
    public void Minutes_from_1_to_43200_are_taken_and_off(string value, int? minutes)
    {
        OwnTags.Check(ArnKind.ProjectVersion, new Dictionary<string, string> { [HostingTags.IdleStopMinutes] = value });
        Assert.True(HostingTags.TryIdleStop(value, out var idle));
        Assert.Equal(minutes, idle?.TotalMinutes);
    }

    [Theory]
    [InlineData(HostingTags.IdleStopMinutes, "0", "from 1 to 43200")]
    [InlineData(HostingTags.IdleStopMinutes, "43201", "from 1 to 43200")]
    [InlineData(HostingTags.IdleStopMinutes, "-5", "from 1 to 43200")]
    [InlineData(HostingTags.IdleStopMinutes, " 5", "from 1 to 43200")]
    [InlineData(HostingTags.IdleStopMinutes, "1.5", "from 1 to 43200")]
    [InlineData(HostingTags.IdleStopMinutes, "five", "from 1 to 43200")]
    [InlineData(HostingTags.IdleStopMinutes, "", "from 1 to 43200")]
    [InlineData(HostingTags.WakeOnDetect, "yes", "true or false")]
    [InlineData(HostingTags.WakeOnDetect, "True", "true or false")]
    [InlineData(HostingTags.WakeOnDetect, "", "true or false")]
    public void Any_other_value_is_refused_with_what_would_be_right(string tag, string value, string right)
    {
        var refusal = Assert.Throws<RefusedException>(() => OwnTags.Check(ArnKind.ProjectVersion, new Dictionary<string, string> { [tag] = value }));
        Assert.Equal(RefusalKind.Invalid, refusal.Kind);
        Assert.Contains($"{tag} is '{value}'", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(right, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tags_of_the_user_mean_nothing_here() =>
        OwnTags.Check(ArnKind.ProjectVersion, new Dictionary<string, string> { ["idle-stop-minutes"] = "soon", ["team:ocellus:wake"] = "x" });

    [Theory]
    [InlineData(nameof(ArnKind.ProjectVersion), "ocellus:idle-stop-minute", Own)]
    [InlineData(nameof(ArnKind.ProjectVersion), "Ocellus:Wake-On-Detect", Own)]
    [InlineData(nameof(ArnKind.Project), "ocellus:wake-on-detect", "are ocellus:labels.")]
    [InlineData(nameof(ArnKind.Dataset), "ocellus:wake-on-detect", "a dataset has none")]
    [InlineData(nameof(ArnKind.Project), "ocellus:label", "are ocellus:labels.")]
    public void A_tag_of_ours_that_would_have_no_effect_is_refused_with_those_that_have(string resource, string tag, string right)
    {
        var tags = new Dictionary<string, string> { [tag] = "true" };
        var refusal = Assert.Throws<RefusedException>(() => OwnTags.Check(Enum.Parse<ArnKind>(resource), tags));
        Assert.Equal(RefusalKind.Invalid, refusal.Kind);
        Assert.Contains(tag, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(right, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("one", true)]
    [InlineData("several", true)]
    [InlineData("boxes", true)]
    [InlineData("box", false)]
    public void A_project_says_how_its_images_are_labelled(string value, bool taken)
    {
        var tags = new Dictionary<string, string> { [ProjectTags.Labels] = value };
        var refusal = Record.Exception(() => OwnTags.Check(ArnKind.Project, tags));
        Assert.Equal(taken, refusal is null);
        Assert.True(taken || refusal!.Message.EndsWith("it takes one, several or boxes.", StringComparison.Ordinal));
    }
}
