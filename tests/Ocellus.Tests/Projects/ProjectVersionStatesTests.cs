using Ocellus.Projects;
using Ocellus.Refusals;

namespace Ocellus.Tests.Projects;

public sealed class ProjectVersionStatesTests
{
    /// <summary>The whole table, by hand from the specification: event, states it is taken in, state it leads to.</summary>
    private static readonly (VersionEvent What, string From, string To)[] Table =
    [
        (VersionEvent.Trained, "TRAINING_IN_PROGRESS", "TRAINING_COMPLETED"),
        (VersionEvent.TrainingFailed, "TRAINING_IN_PROGRESS", "TRAINING_FAILED"),
        (VersionEvent.Copied, "COPYING_IN_PROGRESS", "COPYING_COMPLETED"),
        (VersionEvent.CopyFailed, "COPYING_IN_PROGRESS", "COPYING_FAILED"),
        (VersionEvent.StartRequested, "TRAINING_COMPLETED COPYING_COMPLETED STOPPED FAILED", "STARTING"),
        (VersionEvent.Loaded, "STARTING", "RUNNING"),
        (VersionEvent.StopRequested, "RUNNING", "STOPPING"),
        (VersionEvent.Drained, "STOPPING", "STOPPED"),
        (VersionEvent.HostingFailed, "STARTING RUNNING STOPPING", "FAILED"),
        (VersionEvent.ServerRestarted, "RUNNING", "STARTING"),
        (VersionEvent.DeleteRequested, "TRAINING_COMPLETED TRAINING_FAILED COPYING_COMPLETED COPYING_FAILED STOPPED FAILED DEPRECATED "
            + "EXPIRED DELETING", "DELETING"),
    ];

    [Fact]
    public void Every_state_takes_the_events_of_the_table_and_no_other()
    {
        foreach (var what in Enum.GetValues<VersionEvent>())
        {
            var (_, from, to) = Assert.Single(Table, row => row.What == what);
            foreach (var now in Enum.GetValues<ProjectVersionStatus>())
            {
                var expected = from.Split(' ').Contains(now.ToString()) ? to : null;
                Assert.True(expected == ProjectVersionStates.Next(now, what)?.ToString(), $"{now} {what}: expected {expected ?? "a refusal"}");
            }
        }
    }

    [Theory]
    [InlineData(ProjectVersionStatus.STOPPED, VersionEvent.StopRequested, RefusalKind.InUse)]
    [InlineData(ProjectVersionStatus.STOPPING, VersionEvent.StopRequested, RefusalKind.InUse)]
    [InlineData(ProjectVersionStatus.TRAINING_COMPLETED, VersionEvent.StopRequested, RefusalKind.InUse)]
    [InlineData(ProjectVersionStatus.DELETING, VersionEvent.StopRequested, RefusalKind.NotFound)]
    [InlineData(ProjectVersionStatus.DELETING, VersionEvent.StartRequested, RefusalKind.NotFound)]
    [InlineData(ProjectVersionStatus.TRAINING_FAILED, VersionEvent.StartRequested, RefusalKind.Invalid)]
    [InlineData(ProjectVersionStatus.COPYING_FAILED, VersionEvent.StartRequested, RefusalKind.Invalid)]
    [InlineData(ProjectVersionStatus.RUNNING, VersionEvent.StartRequested, RefusalKind.InUse)]
    [InlineData(ProjectVersionStatus.TRAINING_IN_PROGRESS, VersionEvent.StartRequested, RefusalKind.InUse)]
    [InlineData(ProjectVersionStatus.RUNNING, VersionEvent.DeleteRequested, RefusalKind.InUse)]
    public void A_refusal_has_the_kind_of_the_specification_and_names_the_state(object now, object what, object kind)
    {
        var refusal = ProjectVersionStates.Refusal((ProjectVersionStatus)now, (VersionEvent)what, "arn:x");

        Assert.Equal((RefusalKind)kind, refusal.Kind);
        Assert.Contains((ProjectVersionStatus)now == ProjectVersionStatus.DELETING ? "being deleted" : $"{now}", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_state_is_without_a_message() =>
        Assert.All(Enum.GetValues<ProjectVersionStatus>(), status => Assert.NotEmpty(ProjectVersionStates.Message(status)));
}
