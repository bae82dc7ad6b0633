using System.ComponentModel.DataAnnotations;

namespace Ocellus.Hosting;

/// <summary>How running models use this machine. Section <c>Ocellus:Hosting</c>; an invalid value stops the server at start and names the setting.</summary>
internal sealed class HostingOptions
{
    /// <summary>
    /// Requests that may wait for one inference unit, including decoding; the next is refused at once. Default 32: a quarter of a second of one
    /// core's work for a 224 px classifier, so an accepted request is answered long before its deadline.
    /// </summary>
    [Range(1, 10_000)]
    public int QueuePerUnit { get; set; } = 32;

    /// <summary>
    /// Maximum waiting images in one pass through the network. Default 1: on one core, four together take as long as four in sequence, and the
    /// first would wait for the last. Processors with wider units, or a network of another size, may gain.
    /// </summary>
    [Range(1, 64)]
    public int BatchMax { get; set; } = 1;

    /// <summary>
    /// Maximum time of a request inside a model, from arrival to answer; after it the request is refused. Default 10 s: clients stop reading
    /// after 60 s, and a refusal leaves them time for their usual three attempts.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:55")]
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Maximum wait for requests in flight when a model stops. Default 30 s: a client's usual read timeout is 60 s, so a stop never outlasts it.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A model below MaxInferenceUnits gains a unit after at least one request for each unit has been waiting for this long. Default 2 s: longer than a
    /// burst.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan GrowAfter { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A model above MinInferenceUnits gives up a unit that it has not needed for this long. Default 60 s: pauses between bursts do not shrink it.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "1.00:00:00")]
    public TimeSpan ShrinkAfter { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// A running version stops after this many minutes without a request. Default 0, which is never: AWS has nothing like it, so users do not expect it. A
    /// version's tag ocellus:idle-stop-minutes takes precedence.
    /// </summary>
    [Range(0.0, 43_200.0)]
    public double IdleStopMinutes { get; set; }

    /// <summary>A request starts a stopped version. Off by default, as in AWS. A version's tag ocellus:wake-on-detect takes precedence.</summary>
    public bool WakeOnDetect { get; set; }

    /// <summary>
    /// Maximum wait of a request for the version that it wakes; loading continues after that. Default 20 s: a start takes far less, and clients wait 60 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:55")]
    public TimeSpan WakeTimeout { get; set; } = TimeSpan.FromSeconds(20);
}
