using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Ocellus.Diagnostics;
using Ocellus.Hosting;
using Ocellus.Hosting.Placement;
using Ocellus.Hosting.Serving;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Storage;

namespace Ocellus.Tests.Hosting.Placement;

/// <summary>
/// Several nodes in one process over one database. Each has memory and a clock of its own, and they call each other directly. A clock that stands still is a
/// process that is stopped.
/// </summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private static readonly Caller _caller = new("123456789012", "us-east-1", "test", "test");

    private readonly DataDirectory _data = DataDirectory.Open(Path.Combine(Path.GetTempPath(), "ocellus-cluster-" + Guid.NewGuid().ToString("N")));
    private readonly ConcurrentDictionary<string, TestNode> _nodes = new(StringComparer.Ordinal);

    public TestCluster() => Versions = new(_data, TimeProvider.System, Options.Create(new QuotaOptions()));

    public VersionCatalog Versions { get; }

    public IEnumerable<TestNode> Nodes => _nodes.Values;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async Task<TestNode> AddAsync(string id)
    {
        // As those of machines, all clocks show the same time: here it passes faster than outside.
        var now = Nodes.Select(n => n.Clock.GetUtcNow()).DefaultIfEmpty(TimeProvider.System.GetUtcNow()).Max();
        var node = new TestNode(id, _data, _nodes, now);
        _nodes[node.Silo] = node;
        await node.StartAsync();
        return node;
    }

    /// <summary>Adds the row of a node that is no process of this test.</summary>
    public Task<NodeRow> JoinAsync(NodeRow node, TimeProvider clock) => new NodeCatalog(_data, clock).JoinAsync(node, TimeSpan.FromSeconds(6), Cancel);

    /// <summary>A version that is TRAINING_COMPLETED and has the tiny model.</summary>
    public async Task<string> TrainedAsync()
    {
        var project = Arn.ForProject(_caller, "p" + Guid.NewGuid().ToString("N"), 1);
        await using (var connection = await _data.ConnectAsync(Cancel))
        {
            await connection.ExecuteAsync(
                "INSERT INTO projects (arn, account_id, region, name, created_ms, status) VALUES (@arn, @AccountId, @Region, @name, 1, 'CREATED')",
                new { arn = project.ToString(), _caller.AccountId, _caller.Region, name = project.ToString() });
        }

        var folder = Guid.NewGuid().ToString("N");
        TinyModel.Save(_data.ModelFolder(_caller.AccountId, folder));
        return (await Versions.CreateAsync(
            _caller, new NewVersion(project.ToString(), "v", ProjectVersionStatus.TRAINING_COMPLETED, folder, "b", ""), Cancel)).ToString();
    }

    public async Task<string> RunningAsync(int units = 1, int? unitsMax = null)
    {
        var arn = await TrainedAsync();
        await StartAsync(arn, units, unitsMax);
        await UntilAsync(async () => await StatusAsync(arn) == ProjectVersionStatus.RUNNING, "the version does not run");
        return arn;
    }

    public async Task StartAsync(string arn, int units, int? unitsMax = null)
    {
        await Versions.StartAsync(arn, units, unitsMax, Cancel);
        Nodes.First().Fleet.Wake();
    }

    public async Task<ProjectVersionStatus> StatusAsync(string arn) => (await Versions.FindAsync(arn, Cancel))!.Status;

    public async Task<IReadOnlyList<Place>> PlacesAsync() => await new PlacementCatalog(_data).AllAsync(Cancel);

    /// <summary>The nodes that have a version in memory.</summary>
    public IReadOnlyList<string> Having(string arn) => [.. Nodes.Where(n => n.Models.Find(arn) is not null).Select(n => n.Id).Order(StringComparer.Ordinal)];

    /// <summary>
    /// Lets time pass for all processes that run, until it holds. It passes slowly while a lease should have been renewed and was not yet: no lease is to run
    /// out because the machine is busy.
    /// </summary>
    public Task UntilAsync(Func<Task<bool>> holds, string otherwise)
    {
        var waited = 0;
        return HostedVersions.UntilAsync(
            async () =>
            {
                if (!await IsRenewalLateAsync() || ++waited % 20 == 0)
                {
                    foreach (var node in Nodes.Where(n => !n.IsStopped))
                    {
                        node.Clock.Advance(TimeSpan.FromMilliseconds(50));
                    }
                }

                return await holds();
            },
            () => $"{otherwise}: {string.Join("; ", PlacesAsync().Result)}");
    }

    public Task UntilAsync(Func<bool> holds, string otherwise) => UntilAsync(() => Task.FromResult(holds()), otherwise);

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
        {
            await node.DisposeAsync();
        }

        _data.Dispose();
        await TestFolders.RemoveAsync(_data.Path);
    }

    /// <summary>Whether a lease of 6 s, which is renewed every 1.5 s, has less than 3.5 s left, or none.</summary>
    private async Task<bool> IsRenewalLateAsync()
    {
        var rows = (await new NodeCatalog(_data, TimeProvider.System).AllAsync(Cancel)).Nodes.ToDictionary(n => n.Id, n => n.LeaseUntilMs);
        return Nodes.Any(
            n => !n.IsStopped && rows.TryGetValue(n.Id, out var until) && until - n.Clock.GetUtcNow().ToUnixTimeMilliseconds() < 3500);
    }
}

/// <summary>One node of a <see cref="TestCluster"/>.</summary>
internal sealed class TestNode : IAsyncDisposable, IPeers
{
    private readonly ConcurrentDictionary<string, TestNode> _nodes;
    private readonly ServingThreads _threads = new();
    private readonly ServiceProvider _meters = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly NodeWorker _worker;
    private readonly LocalAnswers _answers;
    private bool _started;

    public TestNode(string id, DataDirectory data, ConcurrentDictionary<string, TestNode> nodes, DateTimeOffset now)
    {
        (Id, _nodes) = (id, nodes);
        var hosting = Options.Create(new HostingOptions());
        var cluster = Options.Create(new ClusterOptions { Name = "test", LeaveDelay = TimeSpan.Zero });
        Clock = new(now);
        var me = new NodeIdentity(id, false);
        var versions = new VersionCatalog(data, TimeProvider.System, Options.Create(new QuotaOptions()));
        var (places, catalog) = (new PlacementCatalog(data), new NodeCatalog(data, Clock));
        Lease = new(Clock, false);
        Models = new(
            data, hosting, _threads, TimeProvider.System, new OcellusMeter(_meters.GetRequiredService<IMeterFactory>()), NullLogger<LocalModels>.Instance);
        var routes = new RouteTable(data, catalog, places, me, Clock);
        Fleet = new(
            versions, places, new(versions, places, catalog, Lease, me, cluster, NullLogger<FleetLeader>.Instance), Lease, me, routes, this, Models,
            new(TimeProvider.System), Clock, NullLogger<FleetWorker>.Instance);
        _worker = new(catalog, places, Lease, me, new(Silo), Fleet, Models, cluster, Clock, NullLogger<NodeWorker>.Instance);
        _answers = new(Models, Lease);
        Cluster = new(_answers, routes, this, me, hosting, TimeProvider.System, NullLogger<ClusterModels>.Instance);
    }

    public string Id { get; }

    /// <summary>As a silo's address has the number of a start.</summary>
    public string Silo { get; } = Guid.NewGuid().ToString("N");

    public FakeTimeProvider Clock { get; }

    public NodeLease Lease { get; }

    public LocalModels Models { get; }

    public FleetWorker Fleet { get; }

    public ClusterModels Cluster { get; }

    /// <summary>Whether the process is stopped, as by SIGSTOP: its time stands still, and it answers nobody.</summary>
    public bool IsStopped { get; set; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async Task StartAsync()
    {
        await _worker.StartAsync(Cancel);
        await Fleet.StartAsync(Cancel);
        await _worker.StartedAsync(Cancel);
        _started = true;
    }

    /// <summary>Ends in good order, as on SIGTERM.</summary>
    public async Task StopAsync()
    {
        _started = false;
        await _worker.StoppingAsync(CancellationToken.None);
        await Fleet.StopAsync(CancellationToken.None);
        await _worker.StopAsync(CancellationToken.None);
        _nodes.TryRemove(Silo, out _);
    }

    /// <summary>As kill -9: what is in memory is gone, and nothing is written.</summary>
    public void Kill()
    {
        IsStopped = true;
        _nodes.TryRemove(Silo, out _);
    }

    /// <summary>Keeps the node's serving threads, so that requests stay inside their model.</summary>
    public Task<IDisposable> HoldThreadsAsync() => HostedVersions.HoldThreadsAsync(_threads);

    public Task<DetectAnswer> DetectAsync(string arn, int label = 0) => Cluster.DetectAsync(arn, TinyModel.Png(label), Cancel);

    Task<DetectAnswer> IPeers.DetectAsync(string silo, string arn, byte[] image) => CallAsync(
        silo, async node => await node._answers.DetectAsync(arn, image, Cancel) ?? DetectAnswer.NotLoaded);

    Task<TimeSpan?> IPeers.IdleForAsync(string silo, string arn) => CallAsync(silo, node => Task.FromResult(node._answers.IdleFor(arn)));

    void IPeers.Wake(string silo)
    {
        if (_nodes.TryGetValue(silo, out var node) && !node.IsStopped)
        {
            node.Fleet.WakeHere();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_started)
        {
            await Fleet.StopAsync(CancellationToken.None);
            await _worker.StopAsync(CancellationToken.None);
        }

        Fleet.Dispose();
        _worker.Dispose();
        _threads.Dispose();
        await _meters.DisposeAsync();
    }

    /// <summary>Over the wire: a killed node refuses the connection, a stopped one does not answer.</summary>
    private async Task<T> CallAsync<T>(string silo, Func<TestNode, Task<T>> call)
    {
        if (!_nodes.TryGetValue(silo, out var node))
        {
            throw new IOException("connection refused");
        }

        await HostedVersions.UntilAsync(() => !node.IsStopped, "the node does not answer");
        return await call(node);
    }
}
