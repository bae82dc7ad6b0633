using CsCheck;
using Ocellus.Identity;
using Ocellus.Projects;

namespace Ocellus.Tests.Projects;

/// <summary>
/// Lives of a version under callers, workers, crashes and restarts in any order: what is shown changes only as the specification's table says.
/// The model moves as the catalog does: read, ask for the next state, write if the state is still the one that was read.
/// </summary>
public sealed class VersionLifeTests
{
    private const int Callers = 4;

    /// <summary>The table of the specification: from each state, the states that may be seen next.</summary>
    private static readonly Dictionary<ProjectVersionStatus, ProjectVersionStatus[]> s_allowed = new()
    {
        [ProjectVersionStatus.TRAINING_IN_PROGRESS] = [ProjectVersionStatus.TRAINING_COMPLETED, ProjectVersionStatus.TRAINING_FAILED],
        [ProjectVersionStatus.TRAINING_COMPLETED] = [ProjectVersionStatus.STARTING, ProjectVersionStatus.DELETING],
        [ProjectVersionStatus.TRAINING_FAILED] = [ProjectVersionStatus.DELETING],
        [ProjectVersionStatus.STARTING] = [ProjectVersionStatus.RUNNING, ProjectVersionStatus.FAILED],
        // Back to STARTING only by a restart of the server, which is looked at below.
        [ProjectVersionStatus.RUNNING] = [ProjectVersionStatus.STOPPING, ProjectVersionStatus.FAILED],
        [ProjectVersionStatus.STOPPING] = [ProjectVersionStatus.STOPPED, ProjectVersionStatus.FAILED],
        [ProjectVersionStatus.STOPPED] = [ProjectVersionStatus.STARTING, ProjectVersionStatus.DELETING],
        [ProjectVersionStatus.FAILED] = [ProjectVersionStatus.STARTING, ProjectVersionStatus.DELETING],
        [ProjectVersionStatus.COPYING_IN_PROGRESS] = [ProjectVersionStatus.COPYING_COMPLETED, ProjectVersionStatus.COPYING_FAILED],
        [ProjectVersionStatus.COPYING_COMPLETED] = [ProjectVersionStatus.STARTING, ProjectVersionStatus.DELETING],
        [ProjectVersionStatus.COPYING_FAILED] = [ProjectVersionStatus.DELETING],
        [ProjectVersionStatus.DELETING] = [],
    };

    private static readonly VersionEvent[] s_asked = [VersionEvent.StartRequested, VersionEvent.StopRequested, VersionEvent.DeleteRequested];

    private static readonly VersionEvent[] s_worked =
    [
        VersionEvent.Trained, VersionEvent.TrainingFailed, VersionEvent.Copied, VersionEvent.CopyFailed, VersionEvent.Loaded, VersionEvent.Drained,
        VersionEvent.HostingFailed,
    ];

    private enum Turn
    {
        /// <summary>A caller reads the state and keeps what it means to do with it.</summary>
        Read,

        /// <summary>The caller writes, if the state is still what it read.</summary>
        Write,

        /// <summary>DetectCustomLabels: answered by a RUNNING version only; one at rest may be woken by it.</summary>
        Detect,

        /// <summary>kill -9: nobody's intent outlives it; then the server comes up again.</summary>
        CrashAndRestart,
    }

    private static readonly Gen<(Turn Turn, int Caller, VersionEvent What)> s_step = Gen.Select(
        Gen.Frequency((8, Gen.Const(Turn.Read)), (8, Gen.Const(Turn.Write)), (2, Gen.Const(Turn.Detect)), (1, Gen.Const(Turn.CrashAndRestart))),
        Gen.Int[0, Callers - 1],
        Gen.OneOf(Gen.OneOf(s_asked), Gen.OneOf(s_worked)));

    [Fact]
    public void No_order_of_calls_work_and_crashes_shows_a_way_that_the_specification_does_not_have()
    {
        var seen = new System.Collections.Concurrent.ConcurrentDictionary<(ProjectVersionStatus, ProjectVersionStatus), bool>();
        Gen.Select(Gen.Bool, s_step.Array[1, 120]).Sample((copied, steps) =>
        {
            var life = new Life(copied ? ProjectVersionStatus.COPYING_IN_PROGRESS : ProjectVersionStatus.TRAINING_IN_PROGRESS);
            foreach (var (turn, caller, what) in steps)
            {
                life.Take(turn, caller, what);
            }

            foreach (var (from, to, restart) in life.Shown)
            {
                var back = restart && from == ProjectVersionStatus.RUNNING && to == ProjectVersionStatus.STARTING;
                Assert.True(back || s_allowed[from].Contains(to), $"{from} was followed by {to}");
                seen[(from, to)] = true;
            }

            life.End();
            Assert.Equal(ProjectVersionStatus.DELETING, life.Now);
        }, iter: 10_000);
        // Every way of the table was gone, so none of them is out of reach.
        Assert.Empty(s_allowed.SelectMany(row => row.Value.Select(to => (row.Key, to))).Except(seen.Keys));
    }

    [Fact]
    public void No_event_leads_into_the_states_of_adapters() =>
        Assert.DoesNotContain(
            from now in Enum.GetValues<ProjectVersionStatus>() from what in Enum.GetValues<VersionEvent>() select ProjectVersionStates.Next(now, what),
            next => next is ProjectVersionStatus.DEPRECATED or ProjectVersionStatus.EXPIRED);

    private sealed class Life(ProjectVersionStatus first)
    {
        private readonly (ProjectVersionStatus Seen, ProjectVersionStatus Next)?[] _meant = new (ProjectVersionStatus, ProjectVersionStatus)?[Callers];

        public ProjectVersionStatus Now { get; private set; } = first;

        public List<(ProjectVersionStatus From, ProjectVersionStatus To, bool Restart)> Shown { get; } = [];

        public void Take(Turn turn, int caller, VersionEvent what)
        {
            switch (turn)
            {
                case Turn.Read:
                    _meant[caller] = ProjectVersionStates.Next(Now, what) is { } next ? (Now, next) : null;
                    if (_meant[caller] is null && s_asked.Contains(what))
                    {
                        Assert.NotEmpty(ProjectVersionStates.Refusal(Now, what, "arn:x").Message);
                    }

                    break;
                case Turn.Write when _meant[caller] is { } meant:
                    if (meant.Seen == Now)
                    {
                        Move(meant.Next);
                    }

                    _meant[caller] = null;
                    break;
                case Turn.Detect:
                    // A wake is a start like any other: of what is at rest and has a model.
                    if (Now != ProjectVersionStatus.RUNNING && ProjectVersionStates.Next(Now, VersionEvent.StartRequested) is { } woken)
                    {
                        Assert.Equal(ProjectVersionStatus.STARTING, woken);
                        Move(woken);
                    }

                    break;
                case Turn.CrashAndRestart:
                    Array.Clear(_meant);
                    Restart();
                    break;
                default:
                    break;
            }
        }

        /// <summary>Whatever it is in, work that ends and calls that are made lead out of it: no state is a trap.</summary>
        public void End()
        {
            for (var i = 0; i < 10 && Now != ProjectVersionStatus.DELETING; i++)
            {
                VersionEvent[] ways =
                [
                    VersionEvent.DeleteRequested, VersionEvent.Trained, VersionEvent.Copied, VersionEvent.Loaded, VersionEvent.StopRequested,
                    VersionEvent.Drained,
                ];
                Now = ways.Select(way => ProjectVersionStates.Next(Now, way)).First(next => next is not null)!.Value;
            }
        }

        private void Restart()
        {
            var what = Now == ProjectVersionStatus.STOPPING ? VersionEvent.Drained : VersionEvent.ServerRestarted;
            if (ProjectVersionStates.Next(Now, what) is { } next)
            {
                Move(next, restart: true);
            }
        }

        private void Move(ProjectVersionStatus next, bool restart = false)
        {
            if (next != Now)
            {
                Shown.Add((Now, next, restart));
            }

            Now = next;
        }
    }
}
