using Ocellus.Datasets;

namespace Ocellus.Tests.Datasets;

public sealed class DatasetStatesTests
{
    /// <summary>The whole table, by hand from the specification: event, states it is taken in, state it leads to.</summary>
    private static readonly (DatasetEvent What, string From, string To)[] Table =
    [
        (DatasetEvent.Created, "CREATE_IN_PROGRESS", "CREATE_COMPLETE"),
        (DatasetEvent.CreateFailed, "CREATE_IN_PROGRESS", "CREATE_FAILED"),
        (DatasetEvent.UpdateRequested, "CREATE_COMPLETE UPDATE_COMPLETE UPDATE_FAILED", "UPDATE_IN_PROGRESS"),
        (DatasetEvent.Updated, "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"),
        (DatasetEvent.UpdateFailed, "UPDATE_IN_PROGRESS", "UPDATE_FAILED"),
        (DatasetEvent.DeleteRequested, "CREATE_COMPLETE CREATE_FAILED UPDATE_COMPLETE UPDATE_FAILED DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS"),
    ];

    [Fact]
    public void Every_state_takes_the_events_of_the_table_and_no_other()
    {
        foreach (var what in Enum.GetValues<DatasetEvent>())
        {
            var (_, from, to) = Assert.Single(Table, row => row.What == what);
            foreach (var now in Enum.GetValues<DatasetStatus>())
            {
                var expected = from.Split(' ').Contains(now.ToString()) ? to : null;
                Assert.True(expected == DatasetStates.Next(now, what)?.ToString(), $"{now} {what}: expected {expected ?? "a refusal"}");
            }
        }
    }

    [Fact]
    public void What_can_be_read_is_what_a_change_can_begin_from() =>
        Assert.All(
            Enum.GetValues<DatasetStatus>(),
            status => Assert.Equal(DatasetStates.Next(status, DatasetEvent.UpdateRequested) is not null, DatasetStates.IsReadable(status)));

    [Fact]
    public void No_state_is_without_a_message() =>
        Assert.All(Enum.GetValues<DatasetStatus>(), status => Assert.NotEmpty(DatasetStates.Message(status)));
}
