using Microsoft.Extensions.Options;
using Ocellus.Refusals;

namespace Ocellus.Hosting.Placement;

/// <summary>The running models of the cluster, on any node. Those of this process are <see cref="Serving.LocalModels"/>.</summary>
internal sealed class ClusterModels(
    LocalAnswers here, RouteTable routes, IPeers peers, NodeIdentity me, IOptions<HostingOptions> options, TimeProvider clock, ILogger<ClusterModels> log)
{
    /// <summary>Nodes that a request is sent to, if the first of them gives no answer.</summary>
    private const int NodesMax = 2;

    /// <summary>Time between looks whether the node that is to answer is still there: short against its lease.</summary>
    private static readonly TimeSpan _lookAgain = TimeSpan.FromSeconds(1);

    /// <summary>
    /// What a running model finds in an image (a classifier: every label), or its refusal; see <see cref="Serving.RunningModel.DetectAsync"/>. This node
    /// answers itself if it can, else the least loaded of those that have the model; another if that one is lost.
    /// </summary>
    public async Task<DetectAnswer> DetectAsync(string arn, byte[] image, CancellationToken cancel)
    {
        var refusal = await here.DetectAsync(arn, image, cancel);
        if (refusal is { IsForAnother: false } || me.IsAlone)
        {
            return refusal ?? DetectAnswer.NotLoaded;
        }

        var tried = new HashSet<string>(StringComparer.Ordinal);
        for (var lost = 0; lost < NodesMax && await routes.ChooseAsync(arn, tried, cancel) is { } route;)
        {
            tried.Add(route.NodeId);
            var answer = await AskAsync(route, image, cancel);
            if (answer is { IsForAnother: false })
            {
                return answer;
            }

            // Full is worth more than not here: it says that the model runs.
            refusal = refusal?.Refusal == RefusalKind.Busy ? refusal : answer ?? refusal;
            lost += answer is null ? 1 : 0;
        }

        // What was lost elsewhere may have come here meanwhile.
        return refusal?.Refusal == RefusalKind.Busy ? refusal : await here.DetectAsync(arn, image, cancel) ?? refusal ?? DetectAnswer.NotLoaded;
    }

    /// <summary>Time since the last request for a version on any node; zero if a node that has it gives no answer.</summary>
    public async Task<TimeSpan> IdleForAsync(string arn, CancellationToken cancel)
    {
        var idle = here.IdleFor(arn) ?? TimeSpan.MaxValue;
        foreach (var route in me.IsAlone ? [] : await routes.OfAsync(arn, cancel))
        {
            try
            {
                if (await peers.IdleForAsync(route.Silo, arn).WaitAsync(options.Value.RequestTimeout, clock, cancel) is { } there && there < idle)
                {
                    idle = there;
                }
            }
            catch (Exception failure) when (IsLoss(failure, cancel))
            {
                return TimeSpan.Zero;
            }
        }

        return idle == TimeSpan.MaxValue ? TimeSpan.Zero : idle;
    }

    /// <summary>The node's answer; null if it gives none and its lease has run out, or the connection is gone.</summary>
    private async Task<DetectAnswer?> AskAsync(Route route, byte[] image, CancellationToken cancel)
    {
        routes.Count(route, 1);
        try
        {
            var call = peers.DetectAsync(route.Silo, route.Arn, image);
            while (true)
            {
                try
                {
                    return await call.WaitAsync(_lookAgain, clock, cancel);
                }
                catch (TimeoutException) when (!call.IsCompleted)
                {
                    if (!routes.IsAlive(route.NodeId))
                    {
                        Log.NodeSilent(log, route.NodeId, route.Arn, "its lease has run out");
                        return null;
                    }
                }
            }
        }
        catch (Exception failure) when (IsLoss(failure, cancel))
        {
            Log.NodeSilent(log, route.NodeId, route.Arn, failure.Message);
            return null;
        }
        finally
        {
            routes.Count(route, -1);
        }
    }

    /// <summary>Whether a call to another node has failed because of the way there, or because the node ended.</summary>
    private static bool IsLoss(Exception failure, CancellationToken cancel) =>
        failure is Orleans.Runtime.OrleansException or TimeoutException or IOException or System.Net.Sockets.SocketException
            or ObjectDisposedException or InvalidOperationException
            or Microsoft.AspNetCore.Connections.ConnectionAbortedException
        || (failure is OperationCanceledException && !cancel.IsCancellationRequested);
}
